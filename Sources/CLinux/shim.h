#pragma once
// What Swift's Glibc module does not offer of Linux. _GNU_SOURCE must not be defined here: its fd_set would
// clash with the Glibc module's in debug builds, so accept4 is declared by hand.
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <sys/prctl.h>
#include <linux/filter.h>
#include <sys/syscall.h>
#include <unistd.h>
static inline void gateway_pthread_setname(const char *name) { prctl(PR_SET_NAME, name); }
static inline int gateway_forbid_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static inline int gateway_hide_memory(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// recv and send without thread cancellation, which nobody here uses: in a process with several threads each of glibc's pays two
// locked instructions for it. A sanitizer sees what is read and written only through glibc's functions. (Swift's -sanitize= says nothing
// of itself in here: the Makefile says it again, by -Xcc.)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
static inline ssize_t gateway_recv(int socket, void *buffer, size_t length) { return recv(socket, buffer, length, 0); }
static inline ssize_t gateway_send(int socket, const void *bytes, size_t length) { return send(socket, bytes, length, MSG_NOSIGNAL); }
#else
static inline ssize_t gateway_recv(int socket, void *buffer, size_t length) {
    return syscall(SYS_recvfrom, socket, buffer, length, 0, NULL, NULL);
}
static inline ssize_t gateway_send(int socket, const void *bytes, size_t length) {
    return syscall(SYS_sendto, socket, bytes, length, MSG_NOSIGNAL, NULL, 0);
}
#endif

extern int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);

// Makes a listening socket deaf to new connections: a filter (socket(7), SO_ATTACH_FILTER) drops every SYN, and lets pass what belongs
// to connections that have begun. A client whose SYN is dropped sends it again after a second.
static inline int gateway_drop_syns(int listener) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), // the TCP header's flags
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12), // SYN and ACK
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// EAI_NODATA (netdb.h: -5) is GNU's, and needs _GNU_SOURCE: the name exists and has no address.
static inline int gateway_eai_nodata(void) { return -5; }
