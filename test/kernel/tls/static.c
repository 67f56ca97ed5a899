/* SPDX-License-Identifier: Apache-2.0
 *
 * PORT CALLS: MCP calls over HTTPS, one after another on one connection, by an OpenSSL that is linked in.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

static int call(SSL *ssl, const char *port, int id)
{
	char body[256], request[512], answer[1024];
	int length = snprintf(body, sizeof(body),
			      "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\","
			      "\"params\":{\"name\":\"echo\",\"arguments\":{}}}",
			      id);

	length = snprintf(request, sizeof(request),
			  "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\n"
			  "Accept: application/json, text/event-stream\r\nContent-Length: %d\r\n\r\n%s",
			  port, length, body);
	return SSL_write(ssl, request, length) == length && SSL_read(ssl, answer, sizeof(answer)) > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), calls;
	SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));

	if (argc != 3)
		return 2;
	calls = atoi(argv[2]);
	address.sin_port = htons(atoi(argv[1]));
	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || !SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
		return 1;
	for (int id = 0; id < calls; id++)
		if (call(ssl, argv[1], id))
			return 1;
	return SSL_shutdown(ssl) < 0;
}
