/* An HTTPS server that is not heard: its OpenSSL is linked in and has lost its names. What is said to it is known by the
 * other end alone. Echoes as the other servers of these tests do, in JSON; one thread per connection.
 *	deaf PORT CERTIFICATE KEY
 */
#define _GNU_SOURCE /* strcasestr */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_REQUEST 65536

static SSL_CTX *context;

static long length_of(const char *head)
{
	const char *field = strcasestr(head, "\r\ncontent-length:");

	return field ? atol(field + 17) : 0;
}

/* Copies the JSON value after the key: a number, or a string with its quotes. */
static int copy_value(const char *text, const char *key, char *to, size_t room)
{
	const char *from = strstr(text, key);
	size_t n = 0;

	if (!from)
		return 0;
	from += strlen(key);
	while (*from == ' ')
		from++;
	if (*from == '"') {
		do {
			if (from[n] == '\\')
				n++;
			n++;
		} while (from[n] && from[n] != '"');
		n++;
	} else {
		n = strcspn(from, ",} ");
	}
	if (n >= room)
		return 0;
	memcpy(to, from, n);
	to[n] = 0;
	return 1;
}

/* One exchange. False: the connection is over. */
static int answer(SSL *ssl)
{
	static __thread char request[MAX_REQUEST], message[MAX_REQUEST], body[2 * MAX_REQUEST], out[3 * MAX_REQUEST];
	char id[64], *end = NULL;
	int have = 0, n;
	long length = 0;

	while (!end || have < end + 4 - request + length) {
		n = SSL_read(ssl, request + have, MAX_REQUEST - 1 - have);
		if (n <= 0)
			return 0;
		have += n;
		request[have] = 0;
		end = strstr(request, "\r\n\r\n");
		if (end)
			length = length_of(request);
	}
	if (!copy_value(end, "\"id\":", id, sizeof(id))) {
		n = snprintf(out, sizeof(out), "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
		return SSL_write(ssl, out, n) > 0;
	}
	if (strstr(end, "\"initialize\""))
		snprintf(body, sizeof(body),
			 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
			 "\"serverInfo\":{\"name\":\"deaf\",\"version\":\"1\"}}}", id);
	else if (copy_value(end, "\"message\":", message, sizeof(message)))
		snprintf(body, sizeof(body),
			 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":%s}]}}", id, message);
	else
		snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"tools\":[]}}", id);
	n = snprintf(out, sizeof(out),
		     "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", strlen(body), body);
	return SSL_write(ssl, out, n) > 0;
}

static void *serve(void *argument)
{
	int fd = (int)(long)argument, one = 1;
	SSL *ssl = SSL_new(context);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) > 0)
		while (answer(ssl))
			;
	SSL_free(ssl);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	context = SSL_CTX_new(TLS_server_method());
	if (argc != 4 || SSL_CTX_use_certificate_file(context, argv[2], SSL_FILETYPE_PEM) <= 0 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) <= 0)
		return 2;
	address.sin_port = htons(atoi(argv[1]));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 128)) {
		perror("deaf");
		return 1;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 && !pthread_create(&thread, NULL, serve, (void *)(long)fd))
			pthread_detach(thread);
	}
}
