/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures against the vectors of RFC 7515 (A.1, A.3) and RFC 4648.
 */
#include "agent/acme/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "agent/acme/csr.h"

/* RFC 7515 A.3. */
static const char key_pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
			      "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
			      "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
			      "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
			      "-----END EC PRIVATE KEY-----\n";
static const char public_key[] =
	"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

static void test_base64url(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "-__-"},
	};
	static const char *const bad[] = {"A", "Zg+", "Z g", "Zm9vA", "Zm9v\n"};
	unsigned char to[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = jws_encode(str_from(cases[i].bytes));
		assert_string_equal(text, cases[i].text);
		ssize_t n = jws_decode(str_from(text), to, sizeof to);
		assert_int_equal(n, strlen(cases[i].bytes));
		assert_memory_equal(to, cases[i].bytes, (size_t)n);
	}
	assert_int_equal(jws_decode(STR("Zg=="), to, sizeof to), 1);
	assert_true(jws_decode(STR("Zm9v"), to, 2) < 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(jws_decode(str_from(bad[i]), to, sizeof to) < 0);
}

static void test_public_key(void **state)
{
	_cleanup_free_ char *json = NULL, *thumbprint = NULL;
	EVP_PKEY *key = key_parse(key_pem);
	struct err err;

	(void)state;
	assert_non_null(key);
	assert_int_equal(jws_public_key(key, &json, &err), 0);
	assert_string_equal(json, public_key);
	assert_int_equal(jws_thumbprint(key, &thumbprint, &err), 0);
	assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	EVP_PKEY_free(key);
}

static const char *member(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* RFC 7515 A.1: with the header and the payload as they stand there, line ends included. */
static void test_hmac(void **state)
{
	unsigned char secret[128];
	_cleanup_free_ char *text = NULL;
	ssize_t n = jws_decode(STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
				   "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
		secret, sizeof secret);

	(void)state;
	assert_int_equal(jws_sign_hmac((struct str){(const char *)secret, (size_t)n},
				 "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
				 "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
				 "\"http://example.com/is_root\":true}",
				 &text),
		0);
	json_auto_t *o = json_loads(text, 0, NULL);
	assert_string_equal(member(o, "protected"), "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9");
	assert_string_equal(member(o, "signature"), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

/* Is the JWS's signature, 64 bytes, one that OpenSSL takes for ours? */
static bool verify(EVP_PKEY *key, const json_t *jws)
{
	_cleanup_free_ char *input =
		xasprintf("%s.%s", member(jws, "protected"), member(jws, "payload"));
	unsigned char raw[64], *der = NULL;

	assert_int_equal(jws_decode(str_from(member(jws, "signature")), raw, sizeof raw), 64);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	assert_int_equal(
		ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)), 1);
	int len = i2d_ECDSA_SIG(sig, &der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	bool ok = EVP_DigestVerify(
			  ctx, der, (size_t)len, (const unsigned char *)input, strlen(input)) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	return ok;
}

static void test_sign(void **state)
{
	/* RFC 7515 A.3: what verify() must take. */
	json_auto_t *known = json_pack("{s:s,s:s,s:s}", "protected", "eyJhbGciOiJFUzI1NiJ9",
		"payload",
		"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb2"
		"90Ijp0cnVlfQ",
		"signature",
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6"
		"NU1Q");
	EVP_PKEY *key = key_parse(key_pem);
	struct err err;

	(void)state;
	assert_true(verify(key, known));
	/* Numbers with leading zeros come up within a few hundred. */
	for (unsigned i = 0; i < 600; i++) {
		_cleanup_free_ char *text = NULL;
		assert_int_equal(jws_sign(key, "{\"alg\":\"ES256\"}", "", &text, &err), 0);
		json_auto_t *jws = json_loads(text, 0, NULL);
		assert_string_equal(member(jws, "protected"), "eyJhbGciOiJFUzI1NiJ9");
		assert_string_equal(member(jws, "payload"), "");
		assert_true(verify(key, jws));
	}
	EVP_PKEY_free(key);
}

static void test_other_keys(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	_cleanup_free_ char *json = NULL;
	struct err err;

	(void)state;
	assert_true(jws_public_key(key, &json, &err) < 0);
	EVP_PKEY_free(key);
	assert_null(key_parse("no key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_public_key),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_other_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
