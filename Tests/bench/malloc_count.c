// Counts a program's allocations, for LD_PRELOAD. The file that MALLOC_COUNT_FILE names becomes two 64-bit numbers: the calls
// that came from the program's own code or from Swift's libraries, and all calls. Others read it while the program runs.
//
// OpenSSL allocates for itself, so a call counts as the program's by where it returns to.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { range_max = 64 };

static struct { uintptr_t start, end; } ranges[range_max];
static int range_count;
static uint64_t before_start[2];
static uint64_t *counts = before_start;

// The loader gives the program itself first, with an empty name.
static int note_object(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    int is_ours = object->dlpi_name[0] == '\0' || strstr(object->dlpi_name, "libswift") || strstr(object->dlpi_name, "libFoundation");
    for (int i = 0; is_ours && i < object->dlpi_phnum && range_count < range_max; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
        ranges[range_count].start = object->dlpi_addr + header->p_vaddr;
        ranges[range_count].end = ranges[range_count].start + header->p_memsz;
        range_count++;
    }
    return 0;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    dl_iterate_phdr(note_object, NULL);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof before_start) != 0) abort();
    void *shared = mmap(NULL, sizeof before_start, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) abort();
    close(file);
    counts = shared;
}

static inline void count(void *return_address) {
    uintptr_t address = (uintptr_t)return_address;
    __atomic_fetch_add(&counts[1], 1, __ATOMIC_RELAXED);
    for (int i = 0; i < range_count; i++) {
        if (address >= ranges[i].start && address < ranges[i].end) {
            __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED);
            return;
        }
    }
}

void *malloc(size_t size) {
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count(__builtin_return_address(0));
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count(__builtin_return_address(0));
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
