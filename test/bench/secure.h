/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of web.c, by the system's OpenSSL, as most programs have it: what a connection sends and gets, encrypted or not. */
#pragma once
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Both ends' settings; NULL: nothing is encrypted. */
static SSL_CTX *server_tls, *client_tls;

/* `folder`: with certificate.pem and key.pem. */
static void prepare_tls(const char *folder)
{
	char certificate[4096], key[4096];

	snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	server_tls = SSL_CTX_new(TLS_server_method());
	client_tls = SSL_CTX_new(TLS_client_method());
	if (!server_tls || !client_tls || SSL_CTX_use_certificate_chain_file(server_tls, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(server_tls, key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "no certificate and key in %s\n", folder);
		exit(1);
	}
	/* what comes behind the handshake is then an answer: a read that has begun need not wait for one */
	SSL_CTX_set_num_tickets(server_tls, 0);
}

/* After the handshake; NULL: nothing is encrypted. */
static SSL *shake_hands(int fd, SSL_CTX *settings)
{
	SSL *tls;

	if (!settings)
		return NULL;
	tls = SSL_new(settings);
	SSL_set_fd(tls, fd);
	if ((settings == server_tls ? SSL_accept(tls) : SSL_connect(tls)) != 1) {
		fprintf(stderr, "the TLS handshake fails\n");
		exit(1);
	}
	return tls;
}

static ssize_t send_some(int fd, SSL *tls, const char *bytes, size_t size)
{
	return tls ? SSL_write(tls, bytes, (int)size) : write(fd, bytes, size);
}

/* Of TLS one record at most. */
static ssize_t get_some(int fd, SSL *tls, char *bytes, size_t room)
{
	return tls ? SSL_read(tls, bytes, (int)room) : read(fd, bytes, room);
}
