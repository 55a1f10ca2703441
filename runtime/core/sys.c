/* System calls made directly, and the few string helpers the core needs: model.so binds no version of any C library. */
#include "core.h"

#if !defined(__x86_64__)
#error "the core's system calls are written for x86-64 Linux"
#endif

enum {
  SYS_read = 0,
  SYS_write = 1,
  SYS_open = 2,
  SYS_close = 3,
  SYS_fstat = 5,
  SYS_mmap = 9,
  SYS_munmap = 11,
  SYS_madvise = 28,
  SYS_getpid = 39,
  SYS_fsync = 74,
  SYS_rename = 82,
  SYS_unlink = 87,
  SYS_futex = 202,
  SYS_sched_getaffinity = 204,
  SYS_clock_gettime = 228,
};

static long call6(long n, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
static long call3(long n, long a, long b, long c) {
  return call6(n, a, b, c, 0, 0, 0);
}

/* ---- memory ---- */

enum { PROT_RW = 3, MAP_PRIVATE_ANONYMOUS = 0x22, MADV_HUGEPAGE = 14 };

void* sys_map(uint64_t bytes) {
  long p = call6(SYS_mmap, 0, (long)bytes, PROT_RW, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (p < 0 && p > -4096) return 0;
  /* A hint: large blocks in 2 MB pages where the system offers them; refusal costs nothing. */
  if (bytes >= ((uint64_t)4 << 20)) call3(SYS_madvise, p, (long)bytes, MADV_HUGEPAGE);
  return (void*)p;
}

void sys_unmap(void* memory, uint64_t bytes) {
  call3(SYS_munmap, (long)memory, (long)bytes, 0);
}

/* ---- files ---- */

enum { O_WRONLY_CREAT_TRUNC = 01 | 0100 | 01000, O_CLOEXEC_FLAG = 02000000, EINTR_CODE = 4 };

long sys_open_read(const char* path) {
  return call3(SYS_open, (long)path, O_CLOEXEC_FLAG, 0);
}
long sys_open_new(const char* path) {
  return call3(SYS_open, (long)path, O_WRONLY_CREAT_TRUNC | O_CLOEXEC_FLAG, 0666);
}

long sys_read_all(long file, void* to, uint64_t bytes) {
  uint64_t done = 0;
  while (done < bytes) {
    long n = call3(SYS_read, file, (long)((char*)to + done), (long)(bytes - done));
    if (n == -EINTR_CODE) continue;
    if (n < 0) return n;
    if (n == 0) break;
    done += (uint64_t)n;
  }
  return (long)done;
}

long sys_write_all(long file, const void* from, uint64_t bytes) {
  uint64_t done = 0;
  while (done < bytes) {
    long n = call3(SYS_write, file, (long)((const char*)from + done), (long)(bytes - done));
    if (n == -EINTR_CODE) continue;
    if (n < 0) return n;
    done += (uint64_t)n;
  }
  return 0;
}

/* Of files only: a folder has a size too, and a pipe has none. */
long sys_file_size(long file) {
  struct {
    uint64_t device, inode, links;
    uint32_t mode, user, group, unused;
    uint64_t of_device;
    int64_t size;
    uint64_t rest[11];
  } status = {0};
  enum { kType = 0170000, kFolder = 0040000, kFile = 0100000, EISDIR_CODE = 21, ESPIPE_CODE = 29 };
  long bad = call3(SYS_fstat, file, (long)&status, 0);
  if (bad < 0) return bad;
  if ((status.mode & kType) == kFile) return status.size;
  return (status.mode & kType) == kFolder ? -EISDIR_CODE : -ESPIPE_CODE;
}

const char* sys_reason(long code) {
  switch (-code) {
    case 2:
      return "no such file or folder";
    case 5:
      return "input/output error";
    case 13:
      return "permission denied";
    case 20:
      return "a part of the path is no folder";
    case 21:
      return "is a folder";
    case 24:
      return "too many open files";
    case 28:
      return "no space left";
    case 29:
      return "is no file on a disk";
    case 30:
      return "the file system is read-only";
    default:
      return "the system refuses";
  }
}

long sys_sync(long file) {
  return call3(SYS_fsync, file, 0, 0);
}
void sys_close(long file) {
  call3(SYS_close, file, 0, 0);
}
long sys_rename(const char* from, const char* to) {
  return call3(SYS_rename, (long)from, (long)to, 0);
}
void sys_unlink(const char* path) {
  call3(SYS_unlink, (long)path, 0, 0);
}

/* ---- processors, time, sleep ---- */

/* "max 100000" or "200000 100000" in cgroup v2's cpu.max: a quota in CPUs rounded up, or 0 for none. */
static int cgroup_quota(void) {
  char text[64];
  long file = sys_open_read("/sys/fs/cgroup/cpu.max");
  if (file < 0) return 0;
  long n = sys_read_all(file, text, sizeof text - 1);
  sys_close(file);
  if (n <= 0) return 0;
  text[n] = 0;
  uint64_t quota = 0, period = 0;
  const char* p = text;
  while (*p >= '0' && *p <= '9') quota = quota * 10 + (uint64_t)(*p++ - '0');
  if (p == text || *p != ' ') return 0;
  for (p++; *p >= '0' && *p <= '9'; p++) period = period * 10 + (uint64_t)(*p - '0');
  return period == 0 ? 0 : (int)((quota + period - 1) / period);
}

int sys_usable_cpus(void) {
  uint64_t mask[128] = {0};
  long bytes = call3(SYS_sched_getaffinity, 0, sizeof mask, (long)mask);
  int cpus = 0;
  for (long i = 0; i < bytes / 8; i++)
    for (uint64_t rest = mask[i]; rest; rest &= rest - 1) cpus++;
  int quota = cgroup_quota();
  if (quota > 0 && quota < cpus) cpus = quota;
  return cpus < 1 ? 1 : cpus;
}

long sys_process_id(void) {
  return call3(SYS_getpid, 0, 0, 0);
}

uint64_t sys_nanoseconds(void) {
  struct {
    long seconds, nanoseconds;
  } now = {0, 0};
  call3(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)&now, 0);
  return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.nanoseconds;
}

enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };

void sys_futex_wait(const volatile uint32_t* word, uint32_t expected) {
  call6(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
}
void sys_futex_wake(const volatile uint32_t* word) {
  call6(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
}

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4]) {
  __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

uint32_t sys_cpu_features(void) {
  uint32_t r[4], low, high;
  cpuid(0, 0, r);
  if (r[0] < 7) return 0;
  cpuid(1, 0, r);
  /* SSE3 SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT OSXSAVE AVX F16C */
  const uint32_t kLeaf1 = 1u << 0 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 23 |
                          1u << 27 | 1u << 28 | 1u << 29;
  if ((r[2] & kLeaf1) != kLeaf1) return 0;
  /* XCR0: does the system save the registers? bits 1–2: xmm, ymm; 5–7: mask and zmm registers. */
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6) return 0;
  const uint32_t kExtended = 1u << 0 | 1u << 5; /* LAHF LZCNT */
  cpuid(0x80000000u, 0, r);
  if (r[0] < 0x80000001u) return 0;
  cpuid(0x80000001u, 0, r);
  if ((r[2] & kExtended) != kExtended) return 0;
  cpuid(7, 0, r);
  const uint32_t kV3 = 1u << 3 | 1u << 5 | 1u << 8;                          /* BMI1 AVX2 BMI2 */
  const uint32_t kV4 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* AVX-512 F DQ CD BW VL */
  if ((r[1] & kV3) != kV3) return 0;
  return (low & 0xe0) == 0xe0 && (r[1] & kV4) == kV4 ? NNC_CPU_V3 | NNC_CPU_V4 : NNC_CPU_V3;
}

uint32_t float_mode_enter(void) {
  uint32_t saved = 0, flush;
  __asm__ volatile("stmxcsr %0" : "=m"(saved));
  flush = saved | 0x8040; /* FTZ and DAZ */
  __asm__ volatile("ldmxcsr %0" : : "m"(flush));
  return saved;
}
/* The exception flags raised inside are dropped with the rest: the caller finds its register as it was. */
void float_mode_leave(uint32_t saved) {
  __asm__ volatile("ldmxcsr %0" : : "m"(saved));
}

/* ---- text ---- */

int text_equal(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

uint64_t text_length(const char* s) {
  uint64_t n = 0;
  while (s[n]) n++;
  return n;
}

void text_add(text_buffer* t, const char* s) {
  while (*s && t->length + 1 < t->capacity) t->data[t->length++] = *s++;
  if (t->capacity) t->data[t->length] = 0;
}

void text_add_number(text_buffer* t, int64_t n) {
  char digits[24];
  int i = sizeof digits - 1;
  uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  digits[i] = 0;
  do digits[--i] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (n < 0) digits[--i] = '-';
  text_add(t, digits + i);
}
