using System.Security.Cryptography;
using System.Text;

static class Webhook
{
    // `body` is the request's body as received, before any parsing.
    public static void Verify(string secret, IHeaderDictionary headers, byte[] body)
    {
        string id = headers["webhook-id"]!, at = headers["webhook-timestamp"]!;
        var age = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(at);
        if (Math.Abs(age) > 300) throw new CryptographicException("too old");
        var key = Convert.FromBase64String(secret.Replace("whsec_", ""));
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{at}."), .. body];
        var expected = Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)));
        var given = headers["webhook-signature"].ToString().Split(' ');
        if (!given.Any(item => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(item), expected)))
            throw new CryptographicException("wrong signature");
    }
}
