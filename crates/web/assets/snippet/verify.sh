# Reads the body as received from standard input.
# usage: verify.sh SECRET WEBHOOK_ID WEBHOOK_TIMESTAMP WEBHOOK_SIGNATURE < body
age=$(( $(date +%s) - $3 )); [ "${age#-}" -le 300 ] || { echo "too old"; exit 1; }
key=$(printf %s "${1#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
expected=v1,$({ printf '%s.%s.' "$2" "$3"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
case " $4 " in *" $expected "*) echo "valid" ;; *) echo "wrong signature"; exit 1 ;; esac
