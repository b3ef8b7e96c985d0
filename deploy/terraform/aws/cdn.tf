# The CDN in front of the bucket. How long a file is kept is said by its own Cache-Control: for ever for
# objects and history, a second for named files.

locals {
  origin  = "site"
  comment = "Muster site in ${var.bucket}/${var.folder}"
  # Names of policies are unique in an account, and have no dots.
  own_name = "muster-${replace("${var.bucket}-${var.folder}", "/[^A-Za-z0-9]+/", "-")}"
}

resource "aws_cloudfront_origin_access_control" "site" {
  name                              = substr(local.own_name, 0, 64)
  description                       = local.comment
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# Immutable files: for a year, as their headers say.
resource "aws_cloudfront_cache_policy" "immutable" {
  name        = "${local.own_name}-immutable"
  comment     = "As the file's Cache-Control says, up to a year"
  min_ttl     = 0
  default_ttl = 31536000
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

# Named files: the same, but for at least as long as the variable says.
resource "aws_cloudfront_cache_policy" "named" {
  name        = "${local.own_name}-named"
  comment     = "As the file's Cache-Control says, and for at least ${var.edge_seconds_min} s"
  min_ttl     = var.edge_seconds_min
  default_ttl = max(var.edge_seconds_min, 1)
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

# What S3 needs to answer a preflight.
resource "aws_cloudfront_origin_request_policy" "preflight" {
  name    = "${local.own_name}-preflight"
  comment = "The headers of a preflight"

  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "whitelist"

    headers {
      items = ["Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"]
    }
  }
  query_strings_config {
    query_string_behavior = "none"
  }
}

# Web pages of any origin may read. These headers replace S3's, which are only on answers to requests
# with an Origin, so that a kept answer is right for everybody.
resource "aws_cloudfront_response_headers_policy" "site" {
  name    = "${local.own_name}-headers"
  comment = "Web pages of any origin may read"

  cors_config {
    access_control_allow_credentials = false
    access_control_max_age_sec       = 600
    origin_override                  = true

    access_control_allow_headers {
      items = ["*"]
    }
    access_control_allow_methods {
      items = ["GET", "HEAD", "OPTIONS"]
    }
    access_control_allow_origins {
      items = ["*"]
    }
    access_control_expose_headers {
      items = ["ETag"]
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }
  }
}

resource "aws_cloudfront_distribution" "site" {
  enabled             = true
  comment             = local.comment
  aliases             = var.domain == null ? [] : [var.domain]
  default_root_object = "manifest.json"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  tags                = var.tags

  origin {
    origin_id                = local.origin
    domain_name              = aws_s3_bucket.site.bucket_regional_domain_name
    origin_path              = "/${var.folder}"
    origin_access_control_id = aws_cloudfront_origin_access_control.site.id
  }

  default_cache_behavior {
    target_origin_id           = local.origin
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.named.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.preflight.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.site.id
  }

  dynamic "ordered_cache_behavior" {
    for_each = ["objects/*", "history/*"]

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = local.origin
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD", "OPTIONS"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = aws_cloudfront_cache_policy.immutable.id
      origin_request_policy_id   = aws_cloudfront_origin_request_policy.preflight.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.site.id
    }
  }

  # A miss is still a miss, with a body that says where to look. It is kept briefly, because the next
  # publication may bring the file.
  custom_error_response {
    error_code            = 404
    response_code         = 404
    response_page_path    = "/fallback.json"
    error_caching_min_ttl = 5
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = var.domain == null ? null : var.certificate_arn
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method             = var.domain == null ? null : "sni-only"
  }

  lifecycle {
    precondition {
      condition     = var.domain == null || var.certificate_arn != null
      error_message = "A domain needs certificate_arn, a certificate in ACM of us-east-1."
    }
  }
}
