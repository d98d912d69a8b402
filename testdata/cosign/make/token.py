"""An identity token that nobody signed: the mocks look only at what it says."""
import base64, json, sys, time

def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

now = int(time.time())
claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sigstore", "sub": sys.argv[1],
          "iat": now, "exp": now + 36000}
print(".".join([part({"alg": "RS256", "typ": "JWT"}), part(claims), "bm9uZQ"]))
