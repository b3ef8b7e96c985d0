output "host" {
  description = "The CDN's own host name: the target of the domain's CNAME, or the host of the site."
  value       = aws_cloudfront_distribution.site.domain_name
}

output "pipeline" {
  description = "The values at the top of the workflow."
  value = {
    AWS_REGION   = data.aws_region.here.name
    AWS_ROLE     = aws_iam_role.pipeline.arn
    SITE         = "s3://${aws_s3_bucket.site.id}/${var.folder}"
    BASE_URL     = "https://${coalesce(var.domain, aws_cloudfront_distribution.site.domain_name)}"
    DISTRIBUTION = aws_cloudfront_distribution.site.id
    REGISTRY_KEY = var.registry_key_parameter
  }
}
