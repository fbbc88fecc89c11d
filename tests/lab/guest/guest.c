/*
 * A guest that does nothing but what migration is sensitive to: it writes and reads pages at set rates and says
 * after every tick of its clock that it is alive.
 *
 * Command line, all whole numbers (pages are of 4 KiB and counted from 2 MiB):
 *
 *   fill=N                     make the first N pages nonzero before anything else
 *   write=N                    pages written a second
 *   write_set=N write_from=N write_over=N   ... among so many pages, from this one on, spread evenly over so many
 *   sequential=1               ... one after the other and round again, not at random
 *   read=N read_set=N read_from=N read_over=N   the same of reading, always at random
 *   busy=1                     never rest: what the processor is not given, by a throttle say, is lost
 *
 * After "ready\n" every tick puts one byte on port 0xe9, when the tick's writes and reads are done. The guest's time
 * stands still while an access waits (for a page that has not come yet): every such wait puts off all that follows by
 * its length, and nothing is made up for. A tick that comes late because the emulator was busy is made up for, up to
 * MADE_UP_FOR of them. So the bytes that are missing tell how much service was lost, and the rates are kept exactly
 * in between.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum {
    PAGE = 4096,
    FIRST_PAGE_AT = 2 << 20,
    CLOCK_HZ = 1193182, /* of the 8254 timer */
    DIVISOR = 4773,     /* CLOCK_HZ / DIVISOR: about 250 ticks a second; guest.py knows it too */
    MADE_UP_FOR = 2,
    PART_BITS = 12, /* parts of a page in a step; a GiB has 2^18 pages */
    WAITED = 8, /* accesses that take more than a tick over this have waited */
    BEAT_PORT = 0xe9,
};

struct loader_info {
    u32 flags, memory_lower_kib, memory_upper_kib, boot_device, command_line;
};

extern void on_tick(void);
volatile u32 ticked; /* the timer wakes; the cycle counter says what is due */

static u64 gates[33];
static struct {
    u16 limit;
    u32 base;
} __attribute__((packed)) gates_at;

static void put(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8 get(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static u64 cycles(void)
{
    u64 value;
    __asm__ volatile("rdtsc" : "=A"(value));
    return value;
}

/* Cycles of a tick: the least of some tries, as whatever disturbs one makes it longer. */
static u32 cycles_of_a_tick(void)
{
    enum { TICKS = 5, TRIES = 4, COUNT = TICKS * DIVISOR };
    u32 least = ~0u;
    for (int i = 0; i < TRIES; i++) {
        put(0x61, 1); /* let the timer's third counter count, with the speaker off */
        put(0x43, 0xb0);
        put(0x42, COUNT & 0xff);
        u64 began = cycles();
        put(0x42, COUNT >> 8);
        while (!(get(0x61) & 0x20))
            ;
        u32 taken = (u32)(cycles() - began);
        if (taken < least)
            least = taken;
    }
    return least / TICKS;
}

static void start_clock(void)
{
    u32 handler = (u32)on_tick;
    gates[32] = (handler & 0xffff) | (u64)0x8 << 16 | (u64)0x8e00 << 32 | (u64)(handler >> 16) << 48;
    gates_at.limit = sizeof gates - 1;
    gates_at.base = (u32)gates;
    __asm__ volatile("lidt %0" : : "m"(gates_at));
    /* Both interrupt controllers: begin, vectors from 32 and 40, how they are joined, 8086 mode; then only the clock. */
    put(0x20, 0x11), put(0xa0, 0x11);
    put(0x21, 32), put(0xa1, 40);
    put(0x21, 4), put(0xa1, 2);
    put(0x21, 1), put(0xa1, 1);
    put(0x21, 0xfe), put(0xa1, 0xff);
    put(0x43, 0x34), put(0x40, DIVISOR & 0xff), put(0x40, DIVISOR >> 8);
}

/* The number after "NAME=" on the command line, or what it is without. */
static u32 option(const char *line, const char *name, u32 otherwise)
{
    while (*line) {
        const char *n = name;
        while (*n && *line == *n)
            line++, n++;
        if (!*n && *line == '=') {
            u32 value = 0;
            for (line++; *line >= '0' && *line <= '9'; line++)
                value = value * 10 + (u32)(*line - '0');
            return value;
        }
        while (*line && *line != ' ')
            line++;
        while (*line == ' ')
            line++;
    }
    return otherwise;
}

/* Marsaglia's xorshift with 32 bits; its state is never 0. */
static u32 draw(u32 *state, u32 below)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (u32)((u64)*state * below >> 32);
}

struct accesses {
    u32 a_second, set, from; /* pages */
    u32 step;                /* from one page of the set to the next, in parts of a page */
    u32 owed;                /* of a page, in parts of CLOCK_HZ */
    u32 random_state, at;
};

/* Bounded to the pages there are. */
static struct accesses accesses(u32 a_second, u32 set, u32 from, u32 over, u32 pages, u32 seed)
{
    struct accesses a = {.a_second = a_second, .set = set, .from = from, .random_state = seed};
    if (a.from >= pages)
        a.from = 0;
    if (a.set == 0 || a.set > pages - a.from)
        a.set = pages - a.from;
    if (over < a.set)
        over = a.set;
    if (over > pages - a.from)
        over = pages - a.from;
    a.step = (over << PART_BITS) / a.set;
    return a;
}

static volatile u32 *page(u32 number)
{
    return (volatile u32 *)(FIRST_PAGE_AT + number * PAGE);
}

static volatile u32 *page_of(const struct accesses *a, u32 which)
{
    return page(a->from + (u32)((u64)which * a->step >> PART_BITS));
}

/* Until the clock ticks, or not at all if it has since the last time. */
static void rest(void)
{
    /* sti lets interrupts in only after the instruction that follows it, so no tick slips in before hlt. */
    __asm__ volatile("cli");
    while (!ticked)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    ticked = 0;
    __asm__ volatile("sti");
}

void guest_main(const struct loader_info *info)
{
    /* The command line may lie where pages will be written: all of it is read before that. */
    const char *line = info->flags & 4 ? (const char *)info->command_line : "";
    u32 pages = (1024 + info->memory_upper_kib) / 4 - FIRST_PAGE_AT / PAGE;
    u32 fill = option(line, "fill", pages), sequential = option(line, "sequential", 0);
    u32 busy = option(line, "busy", 0), value = 1, beats = 0;
    struct accesses write =
        accesses(option(line, "write", 0), option(line, "write_set", pages), option(line, "write_from", 0),
                 option(line, "write_over", 0), pages, 0x2545f491);
    struct accesses read =
        accesses(option(line, "read", 0), option(line, "read_set", pages), option(line, "read_from", 0),
                 option(line, "read_over", 0), pages, 0x9e3779b9);

    for (u32 i = 0; i < fill && i < pages; i++)
        page(i)[0] = i + 1;
    u32 tick = cycles_of_a_tick();
    start_clock();
    for (const char *text = "ready\n"; *text; text++)
        put(BEAT_PORT, (u8)*text);

    for (u64 due = cycles() + tick;;) {
        u64 now;
        if (busy) {
            u64 last = cycles();
            for (now = last; now < due; last = now) {
                now = cycles();
                if (now - last > tick / WAITED)
                    due += now - last;
            }
        } else {
            rest();
            now = cycles();
        }
        if (now > due + (u64)MADE_UP_FOR * tick)
            due = now - (u64)MADE_UP_FOR * tick;
        for (; due <= now + tick / 2; due += tick) {
            u64 began = cycles();
            value++;
            for (write.owed += write.a_second * DIVISOR; write.owed >= CLOCK_HZ; write.owed -= CLOCK_HZ) {
                u32 which = sequential ? write.at : draw(&write.random_state, write.set);
                write.at = which + 1 < write.set ? which + 1 : 0;
                page_of(&write, which)[1] = value;
            }
            for (read.owed += read.a_second * DIVISOR; read.owed >= CLOCK_HZ; read.owed -= CLOCK_HZ)
                (void)page_of(&read, draw(&read.random_state, read.set))[0];
            u64 spent = cycles() - began;
            if (spent > tick / WAITED)
                due += spent;
            put(BEAT_PORT, (u8)('a' + beats++ % 26));
        }
    }
}
