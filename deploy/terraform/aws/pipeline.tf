# The role that the pipeline takes with a token of GitHub's, for an hour at most. There is no stored key
# of AWS. What it may do is what `muster publish` does, in this folder and for this CDN.

data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

data "aws_region" "here" {}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.github_provider_arn == null ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

locals {
  github_provider_arn = var.github_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.github_provider_arn
}

data "aws_iam_policy_document" "who" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.github_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [var.github_subject]
    }
  }
}

data "aws_iam_policy_document" "what" {
  # It reads the manifest before it writes, and removes what it has noted for an interruption, and
  # objects that no manifest has named for 30 days. Former versions it can neither read nor remove.
  statement {
    sid       = "WriteTheSite"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.site.arn}/${var.folder}/*"]
  }

  # Without it, S3 answers for a file that isn't there as for one that is forbidden.
  statement {
    sid       = "LearnWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.site.arn]
  }

  statement {
    sid       = "TellTheCdn"
    actions   = ["cloudfront:CreateInvalidation"]
    resources = [aws_cloudfront_distribution.site.arn]
  }

  statement {
    sid     = "ReadTheKeyOfTheRegistry"
    actions = ["ssm:GetParameter"]
    resources = [
      "arn:${data.aws_partition.here.partition}:ssm:${data.aws_region.here.name}:${data.aws_caller_identity.here.account_id}:parameter${var.registry_key_parameter}",
    ]
  }
}

resource "aws_iam_role" "pipeline" {
  name_prefix          = "muster-publish-"
  description          = "Publishes ${var.bucket}/${var.folder}"
  assume_role_policy   = data.aws_iam_policy_document.who.json
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "pipeline" {
  name   = "publish"
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.what.json
}
