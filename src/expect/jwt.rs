//! A JWT taken apart, and its signature checked against the cluster's keys.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// `{header, claims, lifetime, signature}` of a token; `keys` is the cluster's JWKS.
///
/// # Errors
/// When it is no JWT. The error does not quote it.
pub fn decode(token: &str, keys: Option<&Value>) -> Result<Value, String> {
    let none = || "the token is no JWT".to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err(none()) };
    let json = |part: &str| BASE64.decode(part).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let (Some(head), Some(claims_json)) = (json(header), json(claims)) else { return Err(none()) };
    let key = keys.and_then(|keys| keys["keys"].as_array()).into_iter().flatten();
    let key = key.into_iter().find(|key| key["kid"].is_string() && key["kid"] == head["kid"]);
    let signed = format!("{header}.{claims}");
    let verdict = match (key, BASE64.decode(signature)) {
        (None, _) => "unknownKey",
        (Some(key), Ok(signature)) if verify(&head["alg"], key, signed.as_bytes(), &signature) => "valid",
        _ => "invalid",
    };
    let mut read = json!({"header": head, "claims": claims_json, "signature": verdict});
    if let (Some(expires), Some(issued)) = (read["claims"]["exp"].as_i64(), read["claims"]["iat"].as_i64()) {
        read["lifetime"] = json!(expires - issued);
    }
    Ok(read)
}

fn verify(alg: &Value, key: &Value, signed: &[u8], signature: &[u8]) -> bool {
    let part = |name: &str| key[name].as_str().and_then(|text| BASE64.decode(text).ok()).unwrap_or_default();
    let rsa = |parameters| {
        RsaPublicKeyComponents { n: part("n"), e: part("e") }.verify(parameters, signed, signature).is_ok()
    };
    let point = || [vec![4], part("x"), part("y")].concat();
    match (alg.as_str(), key["kty"].as_str()) {
        (Some("RS256"), Some("RSA")) => rsa(&RSA_PKCS1_2048_8192_SHA256),
        (Some("RS384"), Some("RSA")) => rsa(&RSA_PKCS1_2048_8192_SHA384),
        (Some("RS512"), Some("RSA")) => rsa(&RSA_PKCS1_2048_8192_SHA512),
        (Some("ES256"), Some("EC")) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point()).verify(signed, signature).is_ok()
        }
        (Some("ES384"), Some("EC")) => {
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point()).verify(signed, signature).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ES256 example of RFC 7515, appendix A.3, with a key id.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn key() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    #[test]
    fn a_signature_of_the_standard_is_good_and_another_is_not() {
        let [header, claims, signature] = TOKEN.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let signed = format!("{header}.{claims}");
        let signature = BASE64.decode(signature).expect("base64");
        assert!(verify(&json!("ES256"), &key(), signed.as_bytes(), &signature));
        assert!(!verify(&json!("ES256"), &key(), format!("{signed}x").as_bytes(), &signature));
        assert!(!verify(&json!("none"), &key(), signed.as_bytes(), &signature));
        assert!(!verify(&json!("RS256"), &key(), signed.as_bytes(), &signature));
    }

    #[test]
    fn says_what_is_in_it_and_not_what_it_is() {
        let header = BASE64.encode(r#"{"alg":"ES256","kid":"a"}"#);
        let claims = BASE64.encode(r#"{"iat":1000,"exp":2800,"sub":"s"}"#);
        let token = format!("{header}.{claims}.c2lnbmF0dXJl");
        let mut known = key();
        known["kid"] = json!("a");
        let read_token = decode(&token, Some(&json!({"keys": [known]}))).expect("a JWT");
        assert_eq!((&read_token["lifetime"], &read_token["signature"]), (&json!(1800), &json!("invalid")));
        assert!(!read_token.to_string().contains("c2lnbmF0dXJl"));
        assert_eq!(decode(&token, None).expect("a JWT")["signature"], "unknownKey");
        for bad in ["", "a.b", "a.b.c", "a.b.c.d"] {
            assert_eq!(decode(bad, None), Err("the token is no JWT".to_owned()));
        }
    }
}
