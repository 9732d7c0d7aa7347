#pragma once
// GNU's functions that Swift's Glibc module does not offer, declared by hand: _GNU_SOURCE would clash with that module.
#include <spawn.h>
#include <stddef.h>

extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern void *memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);
