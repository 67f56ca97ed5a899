/** nginx as reverse proxy before a server, as its manual sets it up for event streams. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, HttpServer } from "./server.ts";

const UNPACKED = join(import.meta.dir, "../../../build/test/nginx/usr/sbin/nginx");
const NGINX = existsSync(UNPACKED) ? UNPACKED : Bun.which("nginx");

export const missingNginx = NGINX === null ? "nginx" : undefined;

/** Files of PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

function configuration(
  directory: string,
  port: number,
  behind: number,
  tls: Certificate | undefined,
): string {
  const certificates =
    tls === undefined
      ? ""
      : `ssl_certificate ${tls.certificate};\n    ssl_certificate_key ${tls.key};`;
  return `
user root;
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream mcp { server 127.0.0.1:${behind}; keepalive 4; }
  server {
    listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"};
    ${certificates}
    client_max_body_size 8m;
    location / {
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

/** Its worker moves the bytes: the pid below the master's. `tls`: it ends TLS there. */
export async function startNginx(
  directory: string,
  behind: HttpServer,
  tls?: Certificate,
): Promise<HttpServer> {
  await mkdir(directory);
  const port = freePort();
  const file = join(directory, "nginx.conf");
  await writeFile(file, configuration(directory, port, behind.port, tls));
  const command = [NGINX ?? "nginx", "-p", directory, "-c", file];
  const { pathname } = new URL(behind.url);
  const scheme = tls === undefined ? "http" : "https";
  return await HttpServer.run(command, port, pathname, join(directory, "log"), scheme);
}
