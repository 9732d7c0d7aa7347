// Makes Synchronization.Mutex visible to ThreadSanitizer.
//
// On Linux a Mutex is a futex with priority inheritance. Without contention it is one atomic operation, inlined into the code that
// locks, and ThreadSanitizer sees it. Under contention the call goes into libswiftSynchronization, which is not built for
// ThreadSanitizer: there the kernel changes the word, and who held the lock before and who holds it now look unrelated. Every
// access to what the mutex guards is then reported as a race. The linker puts the functions below in the place of those calls
// (--wrap): they say what the kernel did, and nothing else. No access is hidden, as suppressing the reports would hide some.

#include <stdbool.h>
#include <stdint.h>

#define HANDLE "$s15Synchronization12_MutexHandleV"
#define swiftcall __attribute__((swiftcall))
#define context __attribute__((swift_context))

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

extern swiftcall void real_lock(uint32_t thread, context void *handle) __asm__("__real_" HANDLE "9_lockSlowyys6UInt32VF");
extern swiftcall bool real_try_lock(context void *handle) __asm__("__real_" HANDLE "12_tryLockSlowSbyF");
extern swiftcall void real_unlock(context void *handle) __asm__("__real_" HANDLE "11_unlockSlowyyF");

swiftcall void wrapped_lock(uint32_t thread, context void *handle) __asm__("__wrap_" HANDLE "9_lockSlowyys6UInt32VF");
swiftcall bool wrapped_try_lock(context void *handle) __asm__("__wrap_" HANDLE "12_tryLockSlowSbyF");
swiftcall void wrapped_unlock(context void *handle) __asm__("__wrap_" HANDLE "11_unlockSlowyyF");

swiftcall void wrapped_lock(uint32_t thread, context void *handle) {
    real_lock(thread, handle);
    __tsan_acquire(handle);
}

swiftcall bool wrapped_try_lock(context void *handle) {
    bool is_locked = real_try_lock(handle);
    if (is_locked) __tsan_acquire(handle);
    return is_locked;
}

swiftcall void wrapped_unlock(context void *handle) {
    __tsan_release(handle);
    real_unlock(handle);
}
