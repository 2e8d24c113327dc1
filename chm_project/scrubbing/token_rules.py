"""Rules for tokens with a recognizable form.

The forms come from the issuers' documentation and were checked against gitleaks and detect-secrets. Lengths are lower
bounds, because issuers lengthen tokens more often than they rename them.
"""

import re

from chm_project.scrubbing.rules import Rule

_NOT_AFTER_ALPHANUMERIC = r"(?<![A-Za-z0-9])"
_NOT_AFTER_WORD_OR_DASH = r"(?<![A-Za-z0-9_-])"


def _token(
    issuer: str, pattern: str, *anchors: str, example: str, boundary: str = _NOT_AFTER_ALPHANUMERIC, before: int = 0
) -> Rule:
    return Rule(
        name=issuer,
        reason=f"{issuer}: the token gives access to the account and has a recognizable form",
        anchors=anchors,
        pattern=re.compile(boundary + pattern),
        examples=(example,),
        before=before,
    )


TOKEN_RULES = (
    _token(
        "JSON Web Token",
        r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}",
        "eyj",
        boundary=_NOT_AFTER_WORD_OR_DASH,
        example="«eyJ{alnum:20}.{alnum:30}.{alnum:20}»",
    ),
    _token(
        "AWS access key id",
        r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])",
        "akia", "asia", "aroa", "aida", "abia", "acca",
        example="«AKIA{upper:16}»",
    ),
    _token(
        "AWS secret access key next to its id",
        r"(?:AKIA|ASIA)[A-Z0-9]{16}[^A-Za-z0-9]{1,40}(?:[A-Za-z_-]{1,40}[^A-Za-z0-9/+]{1,12}){0,3}"
        r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        "akia", "asia",
        example="AKIA{upper:16} «{base64:40}»",
    ),
    _token("AWS Bedrock", r"(?:ABSK[A-Za-z0-9+/]{80,}=*|bedrock-api-key-[\w-]{20,})", "absk", "bedrock-api-key-",
           example="«ABSK{base64:100}»"),
    _token("Azure client secret", r"[A-Za-z0-9_~.]{3}\dQ~[\w~.-]{31,36}", "q~", before=4,
           boundary=r"(?<![\w~.-])", example="«{alnum:3}8Q~{alnum:34}»"),
    _token("Azure storage key", r"[A-Za-z0-9/+]{86}==", "==", before=86, boundary=r"(?<![A-Za-z0-9/+])",
           example="«{base64:86}==»"),
    _token("Google API key", r"AIza[\w-]{30,}", "aiza", example="«AIza{alnum:35}»"),
    _token("Google access token", r"ya29\.[\w.-]{10,}", "ya29.", example="«ya29.{alnum:60}»"),
    _token("Google refresh token", r"1//0[\w-]{30,}", "1//0", example="«1//0{alnum:40}»"),
    _token("Google client secret", r"GOCSPX-[\w-]{20,}", "gocspx-", example="«GOCSPX-{alnum:28}»"),
    _token("GitHub", r"(?:gh[pousr]_\w{20,}|github_pat_\w{20,})", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
           example="«ghp_{alnum:36}»"),
    _token("GitLab", r"gl(?:pat|rt|dt|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[\w.-]{16,}", "glpat-", "glrt-",
           "gldt-", "glcbt-",
           "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-",
           "glwt-", example="«glpat-{alnum:20}»"),
    _token("Bitbucket and Atlassian", r"(?:ATATT3|ATCTT3|ATBB|BBDC-)[\w=+/-]{24,}", "atatt3", "atctt3", "atbb", "bbdc-",
           example="«ATATT3{alnum:180}»"),
    _token("Slack", r"(?:xox[abeoprs](?:\.xox[bp])?-[\w-]{8,}|xapp-\d-[\w-]{20,})", "xoxa-", "xoxb-", "xoxe",
           "xoxo-", "xoxp-",
           "xoxr-", "xoxs-", "xapp-", example="«xoxb-{digits:12}-{alnum:24}»"),
    _token("Stripe", r"[rsp]k_(?:live|test|prod)_\w{8,}", "k_live_", "k_test_", "k_prod_", before=1,
           example="«sk_live_{alnum:24}»"),
    _token("Stripe webhook", r"whsec_[\w+/=]{16,}", "whsec_", example="«whsec_{alnum:32}»"),
    _token("OpenAI and Anthropic",
           r"sk-(?=[\w-]{0,200}\d)(?![a-z0-9]{1,15}(?:-[a-z0-9]{1,15}){0,12}(?![\w-]))[\w-]{20,}",
           "sk-", boundary=r"(?<![\w-])", example="«sk-{alnum:48}»"),
    _token("OpenAI and Anthropic, with a kind", r"sk-(?:proj|ant|svcacct|admin|or|lf)-[\w-]{20,}", "sk-",
           boundary=r"(?<![\w-])", example="«sk-proj-{alnum:60}»"),
    _token("Hugging Face", r"(?:hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z]{30,})", "hf_", "api_org_",
           example="«hf_{alnum:34}»"),
    _token("Replicate", r"r8_[A-Za-z0-9]{30,}", "r8_", example="«r8_{alnum:37}»"),
    _token("SendGrid", r"SG\.[\w-]{16,}\.[\w-]{16,}", "sg.", example="«SG.{alnum:22}.{alnum:43}»"),
    _token("Mailgun", r"key-[0-9a-f]{32}", "key-", example="«key-{hex:32}»"),
    _token("Mailchimp", r"[0-9a-f]{32}-us\d{1,2}", "-us", before=32, example="«{hex:32}-us12»"),
    _token("Twilio", r"SK[0-9a-f]{32}(?![0-9a-f])", *(f"sk{digit}" for digit in "0123456789abcdef"),
           example="«SK{hex:32}»"),
    _token("Telegram bot", r"\d{10}:AA[\w-]{32,}", ":aa", before=10, example="«{digits:10}:AA{alnum:33}»"),
    _token("Facebook", r"EAA([A-Za-z0-9]{60,})", "eaa", example="EAA«{alnum:120}»"),
    _token("Square", r"(?:sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{60})", "sq0atp-", "sq0csp-", "sq0idp-", "eaaa",
           example="«sq0csp-{alnum:43}»"),
    _token("Shopify", r"shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}", "shpat_", "shpca_", "shppa_", "shpss_", "shptka_",
           example="«shpat_{hex:32}»"),
    _token("Databricks", r"(?:dapi|dose|dkea)[0-9a-f]{32}(?:-\d)?", "dapi", "dose", "dkea", example="«dapi{hex:32}»"),
    _token("dbt", r"dbt[cu]_[\w=-]{16,}", "dbtc_", "dbtu_", example="«dbtc_{alnum:40}»"),
    _token("Prefect", r"pn[ub]_[A-Za-z0-9]{20,}", "pnu_", "pnb_", example="«pnu_{alnum:36}»"),
    _token("Dagster", r"(?:agent:[\w-]{1,64}:|user:)[0-9a-f]{32}(?![0-9a-f])", "agent:", "user:",
           example="«user:{hex:32}»"),
    _token("Confluent", r"cflt[A-Za-z0-9/+]{56,}", "cflt", example="«cflt{alnum:60}»"),
    _token("Airtable", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat", example="«pat{alnum:14}.{hex:64}»"),
    _token("HubSpot", r"pat-(?:na|eu|ap)\d-[0-9a-f-]{36}", "pat-",
           example="«pat-na1-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}»"),
    _token("DigitalOcean", r"do[opr]_v1_[0-9a-f]{60,}", "doo_v1_", "dop_v1_", "dor_v1_", example="«dop_v1_{hex:64}»"),
    _token("HashiCorp Vault", r"hv[sbr]\.[\w-]{20,}", "hvs.", "hvb.", "hvr.", example="«hvs.{alnum:90}»"),
    _token("Terraform Cloud", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,}", ".atlasv1.", before=14,
           example="«{alnum:14}.atlasv1.{alnum:66}»"),
    _token("age", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}", "age-secret-key-", example="«AGE-SECRET-KEY-1{upper:58}»"),
    _token("PyPI", r"pypi-[\w-]{50,}", "pypi-", example="«pypi-AgEIcHlwaS5vcmc{alnum:90}»"),
    _token("npm", r"npm_[A-Za-z0-9]{30,}", "npm_", example="«npm_{alnum:36}»"),
    _token("RubyGems", r"rubygems_[0-9a-f]{40,}", "rubygems_", example="«rubygems_{hex:48}»"),
    _token("Docker Hub", r"dckr_(?:pat|oat)_[\w-]{20,}", "dckr_pat_", "dckr_oat_", example="«dckr_pat_{alnum:27}»"),
    _token("Artifactory", r"(?:AKCp[A-Za-z0-9]{60,}|cmVmd[A-Za-z0-9]{50,})", "akcp", "cmvmd",
           example="«AKCp{alnum:69}»"),
    _token("Grafana", r"(?:glsa_[A-Za-z0-9]{20,}_[0-9a-f]{8}|glc_[A-Za-z0-9+/=]{32,})", "glsa_", "glc_",
           example="«glsa_{alnum:32}_{hex:8}»"),
    _token("New Relic", r"NR(?:AK|JS|II|AL)-[A-Za-z0-9]{19,}", "nrak-", "nrjs-", "nrii-", "nral-",
           example="«NRAK-{upper:27}»"),
    _token("Sentry", r"sntry[su]_[\w=+/-]{40,}", "sntrys_", "sntryu_", example="«sntrys_{alnum:100}»"),
    _token("Dynatrace", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{60,}", "dt0", example="«dt0c01.{upper:24}.{upper:64}»"),
    _token("Postman", r"PMAK-[0-9a-f]{24}-[0-9a-f]{30,}", "pmak-", example="«PMAK-{hex:24}-{hex:34}»"),
    _token("Pulumi", r"pul-[0-9a-f]{40}", "pul-", example="«pul-{hex:40}»"),
    _token("Doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.",
           "dp.scim.",
           "dp.audit.", example="«dp.pt.{alnum:43}»"),
    _token("Figma", r"fig[dou]_[\w-]{30,}", "figd_", "figo_", "figu_", example="«figd_{alnum:40}»"),
    _token("Linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}", "lin_api_", "lin_oauth_", example="«lin_api_{alnum:40}»"),
    _token("Notion", r"ntn_[A-Za-z0-9]{40,}", "ntn_", example="«ntn_{alnum:46}»"),
    _token("SonarQube", r"sq[upa]_[0-9a-f]{40}", "squ_", "sqp_", "sqa_", example="«squ_{hex:40}»"),
    _token("PlanetScale", r"pscale_(?:tkn|pw|oauth)_[\w=.-]{30,}", "pscale_", example="«pscale_tkn_{alnum:43}»"),
    _token("Fly.io", r"(?:fo1_[\w-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=]{60,})", "fo1_", "fm1", "fm2",
           example="«fo1_{alnum:43}»"),
    _token("Alibaba Cloud", r"LTAI[A-Za-z0-9]{12,26}(?![A-Za-z0-9])", "ltai", example="«LTAI{alnum:20}»"),
    _token("1Password", r"ops_eyJ[A-Za-z0-9+/=]{100,}", "ops_eyj", example="«ops_eyJ{alnum:260}»"),
    _token("Fernet", r"gAAAAA[\w-]{60,}={0,2}", "gaaaaa", example="«gAAAAAB{alnum:80}==»"),
    _token("CHM", r"chm_\w{6,}_\w{16,}", "chm_", example="«chm_{alnum:8}_{alnum:40}»"),
)  # fmt: skip
