#pragma once
// OpenSSL's macros, which Swift cannot see, as functions of the same meaning.
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <malloc.h>
#include <stdlib.h>

static inline long gateway_SSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline void gateway_SSL_CTX_set_read_ahead(SSL_CTX *context, int on) { SSL_CTX_set_read_ahead(context, on); }
static inline void gateway_SSL_CTX_set_session_cache_off(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
static inline int gateway_SSL_CTX_set_groups(SSL_CTX *context, const char *names) { return SSL_CTX_set1_groups_list(context, names); }
static inline void gateway_SSL_CTX_set_dh_auto(SSL_CTX *context) { SSL_CTX_set_dh_auto(context, 1); }
static inline void gateway_SSL_CTX_set_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}
// A client keeps what tells a truncation from an end: SSL_OP_IGNORE_UNEXPECTED_EOF is for servers (RFC 8446, section 6.1).
static inline void gateway_SSL_CTX_set_client_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
}
// Sessions go to the new-session callback alone.
static inline void gateway_SSL_CTX_set_session_cache_client(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}
// RFC 2253 escapes what is no printable ASCII, control characters among it.
static inline int gateway_X509_NAME_print_rfc2253(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}
// Whether PEM_read_bio_* gave up because nothing more begins, rather than for what is wrong with something that did.
static inline int gateway_ERR_is_end_of_PEM(void) {
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}
static inline int gateway_SSL_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
static inline void gateway_SSL_CTX_set_versions(SSL_CTX *context, long minimum, long maximum) {
    SSL_CTX_set_min_proto_version(context, minimum);
    SSL_CTX_set_max_proto_version(context, maximum);
}
static inline void gateway_SSL_set_versions(SSL *ssl, long minimum, long maximum) {
    SSL_set_min_proto_version(ssl, minimum);
    SSL_set_max_proto_version(ssl, maximum);
}
// The parameters of a MAC are an array of tagged unions, which Swift cannot build.
static inline int gateway_EVP_MAC_set_key_sha256(EVP_MAC_CTX *mac, const unsigned char *key, size_t length) {
    OSSL_PARAM parameters[3] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"sha256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}

// Memory for records. With SSL_MODE_RELEASE_BUFFERS each record that is read or written takes a buffer of somewhat more than 16 KB and
// gives it back at once, so that idle connections hold none; malloc(3) searches and merges for every block of that size. A thread lays a few
// aside instead: as many as are taken at a time. A sanitizer shall see them freed.
enum { gateway_record_bytes_min = 16 * 1024, gateway_record_bytes = 17 * 1024, gateway_records_kept_max = 4 };
#if !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer))
struct gateway_records {
    size_t count;
    void *blocks[gateway_records_kept_max];
};

static inline struct gateway_records *gateway_kept_records(void) {
    static _Thread_local struct gateway_records kept;
    return &kept;
}
static void *gateway_record_take(size_t size, const char *file, int line) {
    (void)file, (void)line;
    if (size < gateway_record_bytes_min || size > gateway_record_bytes) return malloc(size);
    struct gateway_records *kept = gateway_kept_records();
    return kept->count > 0 ? kept->blocks[--kept->count] : malloc(gateway_record_bytes);
}
static void gateway_record_give(void *block, const char *file, int line) {
    (void)file, (void)line;
    size_t size = malloc_usable_size(block);
    // malloc rounds up; what is larger than that was asked for as something else.
    int is_record = size >= gateway_record_bytes && size < gateway_record_bytes + 1024;
    struct gateway_records *kept = gateway_kept_records();
    if (is_record && kept->count < gateway_records_kept_max) {
        kept->blocks[kept->count++] = block;
    } else {
        free(block);
    }
}
static void *gateway_record_resize(void *block, size_t size, const char *file, int line) {
    (void)file, (void)line;
    return realloc(block, size);
}
// False when OpenSSL has allocated before: it goes on with malloc then.
static inline int gateway_keep_records(void) {
    return CRYPTO_set_mem_functions(gateway_record_take, gateway_record_resize, gateway_record_give);
}
// Gives back what the calling thread has laid aside.
static inline void gateway_release_records(void) {
    struct gateway_records *kept = gateway_kept_records();
    while (kept->count > 0) free(kept->blocks[--kept->count]);
}
#else
static inline int gateway_keep_records(void) { return 1; }
static inline void gateway_release_records(void) {}
#endif
