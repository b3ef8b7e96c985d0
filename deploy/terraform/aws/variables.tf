variable "bucket" {
  description = "The name of the bucket, which must be unique in all of AWS."
  type        = string
}

variable "folder" {
  description = "The folder in the bucket that holds the site; the CDN shows nothing else."
  type        = string
  default     = "site"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.folder))
    error_message = "The folder is such as site or sites/production, without / at its ends."
  }
}

variable "former_days" {
  description = "For how many days the bucket keeps former and deleted versions of a file. After a hard delete in the registry, this is how long its bytes stay."
  type        = number
  default     = 30

  validation {
    condition     = var.former_days >= 1 && floor(var.former_days) == var.former_days
    error_message = "S3 counts whole days, and at least one."
  }
}

variable "domain" {
  description = "The host name of the site, such as cdn.example; null for the CDN's own name. Point it at the output `host` yourself."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "The certificate for the domain, in ACM of us-east-1; needed with a domain."
  type        = string
  default     = null
}

variable "edge_seconds_min" {
  description = "For how many seconds the CDN keeps named files at least. 0 does as their headers say: it asks again after a second. More costs fewer requests to the bucket, and needs --purge with every publication."
  type        = number
  default     = 0

  validation {
    condition     = var.edge_seconds_min >= 0 && var.edge_seconds_min <= 86400
    error_message = "Between 0 and 86400 seconds, a day."
  }
}

variable "price_class" {
  description = "Where the CDN has copies: PriceClass_100 (North America, Europe), PriceClass_200 or PriceClass_All."
  type        = string
  default     = "PriceClass_100"
}

variable "github_subject" {
  description = "Which runs of which repository may publish, as the subject of GitHub's tokens. It is compared whole, such as repo:example/catalog:ref:refs/heads/main."
  type        = string

  validation {
    condition     = can(regex("^repo:[^*?]+:(ref:refs/heads/|environment:)[^*?]+$", var.github_subject))
    error_message = "Name one branch or one environment of one repository, without * and ?: a pull request must not publish."
  }
}

variable "github_provider_arn" {
  description = "GitHub's OIDC provider in this account, of which there can be only one; null creates it."
  type        = string
  default     = null
}

variable "registry_key_parameter" {
  description = "The name under which the registry's API key is stored in SSM Parameter Store. You put it there; Terraform never sees it."
  type        = string
  default     = "/muster/site/registry-key"

  validation {
    condition     = can(regex("^/[A-Za-z0-9._/-]+$", var.registry_key_parameter))
    error_message = "The name begins with / and has letters, digits, and the signs . _ / -."
  }
}

variable "tags" {
  description = "Tags for everything that is created."
  type        = map(string)
  default     = {}
}
