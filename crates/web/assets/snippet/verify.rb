require "base64"
require "openssl"

# `headers` in lower case; `body` as received, before any parsing.
def verify(secret, headers, body)
  id, at = headers.fetch("webhook-id"), headers.fetch("webhook-timestamp")
  raise "too old" if (Time.now.to_i - Integer(at)).abs > 300

  key = Base64.decode64(secret.delete_prefix("whsec_"))
  expected = "v1," + Base64.strict_encode64(OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{at}.#{body}"))
  valid = headers.fetch("webhook-signature").split.any? { |given| OpenSSL.secure_compare(expected, given) }
  raise "wrong signature" unless valid
end
