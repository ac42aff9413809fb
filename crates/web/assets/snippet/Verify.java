import java.nio.charset.StandardCharsets;
import java.security.*;
import java.time.Instant;
import java.util.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

final class Webhook {
    /** `headers` in lower case; `body` as received, before any parsing. */
    static void verify(String secret, Map<String, String> headers, byte[] body) throws GeneralSecurityException {
        String id = headers.get("webhook-id"), at = headers.get("webhook-timestamp");
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(at)) > 300) throw new SignatureException("too old");
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + at + ".").getBytes(StandardCharsets.UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.US_ASCII);
        for (String given : headers.get("webhook-signature").split(" "))
            if (MessageDigest.isEqual(expected, given.getBytes(StandardCharsets.US_ASCII))) return;
        throw new SignatureException("wrong signature");
    }
}
