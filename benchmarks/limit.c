/* The floor under every reader: sends given datagrams to each printer in turn, one in flight per printer, takes
 * the answers and decodes nothing but the agreement of one pattern. Prints one JSON line.
 *
 *   limit FIRST-ADDRESS PRINTERS PORT AT-ONCE EXPECTED-HEX DATAGRAM-HEX...
 *
 * EXPECTED-HEX must occur in one answer of every printer, else it does not count as read.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_DATAGRAMS = 64, LONGEST = 2048, PATIENCE_MS = 2000 };

struct octets {
    uint8_t data[LONGEST];
    size_t size;
};

struct printer {
    int step;
    int proven;
};

static struct octets steps[MOST_DATAGRAMS], expected;
static int count;
static int sock;
static uint32_t first;
static uint16_t port;

static struct octets from_hex(const char *text) {
    struct octets result = {.size = 0};
    for (unsigned octet; result.size < LONGEST && sscanf(text, "%2x", &octet) == 1; text += 2)
        result.data[result.size++] = (uint8_t)octet;
    return result;
}

static double wall(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static void ask(int number, int step) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(first + (uint32_t)number);
    if (sendto(sock, steps[step].data, steps[step].size, 0, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("sendto");
        exit(1);
    }
}

/* One answer: the printer's next datagram leaves, or the next printer's first. Returns 0 when nothing came. */
static int take(struct printer *printers, int total, int *begun, int *done) {
    static uint8_t answer[65536];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(sock, answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (got < 0) {
        struct pollfd waiting = {.fd = sock, .events = POLLIN};
        return poll(&waiting, 1, PATIENCE_MS) > 0;
    }
    int64_t number = (int64_t)ntohl(from.sin_addr.s_addr) - first;
    if (number < 0 || number >= total)
        return 1;
    struct printer *one = &printers[number];
    if (!one->proven && memmem(answer, (size_t)got, expected.data, expected.size))
        one->proven = 1;
    if (++one->step < count) {
        ask((int)number, one->step);
        return 1;
    }
    ++*done;
    if (*begun < total)
        ask((*begun)++, 0);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 7 || argc - 6 > MOST_DATAGRAMS) {
        fprintf(stderr, "limit FIRST-ADDRESS PRINTERS PORT AT-ONCE EXPECTED-HEX DATAGRAM-HEX...\n");
        return 2;
    }
    first = ntohl(inet_addr(argv[1]));
    int total = atoi(argv[2]), at_once = atoi(argv[4]), begun = 0, done = 0, proven = 0;
    port = (uint16_t)atoi(argv[3]);
    expected = from_hex(argv[5]);
    for (int place = 6; place < argc; place++)
        steps[count++] = from_hex(argv[place]);
    struct printer *printers = calloc((size_t)total, sizeof *printers);
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (sock < 0 || !printers) {
        perror("limit");
        return 1;
    }
    double began = wall(), used = cpu();
    while (begun < total && begun < at_once)
        ask(begun++, 0);
    while (done < total && take(printers, total, &begun, &done))
        ;
    began = wall() - began;
    used = cpu() - used;
    for (int number = 0; number < total; number++)
        proven += printers[number].proven && printers[number].step == count;
    printf("{\"read\": %d, \"wall\": %.6f, \"cpu\": %.6f}\n", proven, began, used);
    return 0;
}
