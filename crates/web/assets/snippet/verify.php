<?php
// $headers in lower case; $body is file_get_contents('php://input'), before any parsing.
function verify(string $secret, array $headers, string $body): void
{
    [$id, $at] = [$headers['webhook-id'], $headers['webhook-timestamp']];
    if (abs(time() - (int) $at) > 300) {
        throw new RuntimeException('too old');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
    foreach (explode(' ', $headers['webhook-signature']) as $given) {
        if (hash_equals($expected, $given)) {
            return;
        }
    }
    throw new RuntimeException('wrong signature');
}
