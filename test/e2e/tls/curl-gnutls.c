/* curl, as far as these tests use it, by the libcurl that goes with GnuTLS: Debian's own curl has the one with OpenSSL.
 * Built without headers of libcurl, since those of its two flavours exclude each other.
 *	curl-gnutls -sS -i [-H HEADER]... --data-binary TEXT URL
 */
#include <stdio.h>
#include <string.h>

/* Source: curl/curl.h, whose numbers never change. */
enum { CURLOPT_URL = 10002, CURLOPT_POSTFIELDS = 10015, CURLOPT_HTTPHEADER = 10023, CURLOPT_CAINFO = 10065,
       CURLOPT_HEADER = 42, CURLOPT_POSTFIELDSIZE = 60 };
struct curl_slist;
void *curl_easy_init(void);
int curl_easy_setopt(void *curl, int option, ...);
int curl_easy_perform(void *curl);
const char *curl_easy_strerror(int code);
struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text);
char *curl_version(void);
char *curl_getenv(const char *name);

int main(int argc, char **argv)
{
	void *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	int code;

	if (!curl || !strstr(curl_version(), "GnuTLS")) {
		fprintf(stderr, "want a libcurl with GnuTLS: %s\n", curl_version());
		return 2;
	}
	curl_easy_setopt(curl, CURLOPT_HEADER, 1L);
	curl_easy_setopt(curl, CURLOPT_CAINFO, curl_getenv("CURL_CA_BUNDLE"));
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-sS") || !strcmp(argv[i], "-i")) {
			continue;
		} else if (!strcmp(argv[i], "-H") && i + 1 < argc) {
			headers = curl_slist_append(headers, argv[++i]);
		} else if (!strcmp(argv[i], "--data-binary") && i + 1 < argc) {
			curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(argv[++i]));
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, argv[i]);
		} else {
			curl_easy_setopt(curl, CURLOPT_URL, argv[i]);
		}
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	if (code)
		fprintf(stderr, "curl-gnutls: %s\n", curl_easy_strerror(code));
	return code;
}
