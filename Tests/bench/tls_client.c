// A TLS 1.3 client that measures servers: it only does what is asked, and fails where the server does something else.
//
//   tls_client new|resumed PORT SECONDS THREADS    whole connections with one request each; prints how many there were
//   tls_client idle PORT COUNT                     COUNT connections that have had one request; prints "ready", ends with its input
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char closing[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char lasting[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int port;
static int resumes;
static double deadline;
static atomic_long connections;

// The newest ticket of this thread's connections.
static _Thread_local SSL_SESSION *session;

static void fail(const char *what) {
    fprintf(stderr, "tls_client: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int keep_session(SSL *ssl, SSL_SESSION *fresh) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

static SSL_CTX *make_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (resumes) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    }
    return context;
}

static SSL *begin(SSL_CTX *context) {
    int number = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (number < 0 || connect(number, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, number);
    SSL_set_tlsext_host_name(ssl, "localhost");
    if (session) SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1) fail("the handshake failed");
    return ssl;
}

static void ask(SSL *ssl, const char *request, int to_the_end) {
    char buffer[16384];
    if (SSL_write(ssl, request, strlen(request)) <= 0) fail("cannot write");
    int count = SSL_read(ssl, buffer, sizeof buffer);
    if (count < 12 || memcmp(buffer, "HTTP/1.1 200", 12) != 0) fail("another answer than 200");
    while (to_the_end && SSL_read(ssl, buffer, sizeof buffer) > 0) {}
}

// A reset, so that no port stays behind waiting.
static void end(SSL *ssl) {
    struct linger none = {1, 0};
    setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(SSL_get_fd(ssl));
    // Otherwise OpenSSL takes its session for one that was attacked, and resumes it no more.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}

static void *repeat(void *context) {
    if (resumes) {
        SSL *first = begin(context);
        ask(first, closing, 1);
        end(first);
        if (!session) fail("no ticket");
    }
    while (now() < deadline) {
        SSL *ssl = begin(context);
        if (SSL_session_reused(ssl) != resumes) fail(resumes ? "not resumed" : "resumed");
        ask(ssl, closing, 1);
        end(ssl);
        connections++;
    }
    return NULL;
}

static void measure(double seconds, int thread_count) {
    SSL_CTX *context = make_context();
    pthread_t threads[thread_count];
    deadline = now() + seconds;
    for (int i = 0; i < thread_count; i++) pthread_create(&threads[i], NULL, repeat, context);
    for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
    printf("%ld\n", connections);
}

static void idle(int count) {
    struct rlimit files = {count + 64, count + 64};
    struct rlimit had;
    getrlimit(RLIMIT_NOFILE, &had);
    if (had.rlim_cur < files.rlim_cur) {
        if (files.rlim_max < had.rlim_max) files.rlim_max = had.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) fail("more open files are needed: ulimit -n");
    }
    SSL_CTX *context = make_context();
    for (int i = 0; i < count; i++) ask(begin(context), lasting, 0);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {}
}

int main(int argc, char **arguments) {
    if (argc < 4) fail("new|resumed PORT SECONDS THREADS, or idle PORT COUNT");
    port = atoi(arguments[2]);
    resumes = strcmp(arguments[1], "resumed") == 0;
    if (strcmp(arguments[1], "idle") == 0) {
        idle(atoi(arguments[3]));
    } else if (argc == 5) {
        measure(atof(arguments[3]), atoi(arguments[4]));
    } else {
        fail("how many threads?");
    }
}
