/* Start code for a Cortex-M or a RISC-V, and its output through semihosting: Arm, "Semihosting for AArch32 and AArch64", 2024Q3. */
#include <stddef.h>
#include <stdint.h>

extern uint32_t _stack_start, _data_load, _data_start, _data_end, _bss_start, _bss_end;

int main(void);
int puts(const char *text);

static uint32_t call(uint32_t operation, const void *block) {
#if __riscv
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = block;
  __asm__ volatile(
      ".balign 16\n .option push\n .option norvc\n"
      "slli zero, zero, 0x1f\n ebreak\n srai zero, zero, 7\n .option pop"
      : "+r"(a0) : "r"(a1) : "memory");
  return a0;
#else
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
#endif
}

static void leave(uint32_t code) {
  const uint32_t block[2] = {0x20026u, code}; /* the application ends by itself */
  for (;;) call(0x20u, block);
}

int puts(const char *text) {
  static uint32_t output;
  const char *const parts[2] = {text, "\n"};
  if (output == 0) {
    const uint32_t console[3] = {(uint32_t)":tt", 4u, 3u};
    output = call(0x01u, console);
  }
  for (size_t part = 0; part < 2; part++) {
    uint32_t length = 0;
    while (parts[part][length] != 0) length++;
    const uint32_t block[3] = {output, (uint32_t)parts[part], length};
    if (call(0x05u, block) != 0) return -1;
  }
  return 0;
}

__attribute__((aligned(4), used)) static void fault(void) { leave(102); }

__attribute__((used)) static void reset(void) {
#if __ARM_FP
  *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20; /* CPACR: the FPU is on */
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
  for (uint32_t *from = &_data_load, *to = &_data_start; to < &_data_end;) *to++ = *from++;
  for (uint32_t *to = &_bss_start; to < &_bss_end;) *to++ = 0;
  leave((uint32_t)main());
}

#if __riscv
__attribute__((naked, section(".vectors"), used)) static void start(void) {
  __asm__("la sp, _stack_start\n la t0, fault\n csrw mtvec, t0\n j reset");
}
#else
static const struct {
  uint32_t *stack;
  void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {
    &_stack_start, {reset, fault, fault, fault, fault, fault, fault}};
#endif
