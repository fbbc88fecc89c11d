/* The way into the guest: a multiboot header, flat segments, one interrupt. */

#define MAGIC 0x1badb002
#define FLAGS 0x00000002 /* tell us how much memory there is */

.section .multiboot, "a"
.align 4
.long MAGIC, FLAGS, -(MAGIC + FLAGS)

.text
.globl enter
enter:
    cli
    lgdt segments_at
    ljmp $8, $1f
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $stack_end, %esp
    push %ebx               /* what the loader says of memory and command line */
    call guest_main
2:  cli
    hlt
    jmp 2b

/* The clock has ticked. It is only noted: ticks that come while one is being worked off are one. */
.globl on_tick
on_tick:
    push %eax
    movl $1, ticked
    mov $0x20, %al
    outb %al, $0x20
    pop %eax
    iret

.section .rodata
.align 8
segments:
    .quad 0
    .quad 0x00cf9a000000ffff /* code, all 4 GiB */
    .quad 0x00cf92000000ffff /* data, all 4 GiB */
segments_at:
    .word . - segments - 1
    .long segments

.bss
.align 16
.skip 8192
stack_end:

.section .note.GNU-stack, "", @progbits
