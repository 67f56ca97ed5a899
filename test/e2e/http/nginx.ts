/** nginx as reverse proxy before a server, as its manual sets it up for event streams. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, HttpServer } from "./server.ts";

const UNPACKED = join(import.meta.dir, "../../../build/test/nginx/usr/sbin/nginx");
const NGINX = existsSync(UNPACKED) ? UNPACKED : Bun.which("nginx");

export const missingNginx = NGINX === null ? "nginx" : undefined;

function configuration(directory: string, port: number, behind: number): string {
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
    listen 127.0.0.1:${port};
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

/** Its worker moves the bytes: the pid below the master's. */
export async function startNginx(directory: string, behind: HttpServer): Promise<HttpServer> {
  await mkdir(directory);
  const port = freePort();
  const file = join(directory, "nginx.conf");
  await writeFile(file, configuration(directory, port, behind.port));
  const command = [NGINX ?? "nginx", "-p", directory, "-c", file];
  return await HttpServer.run(command, port, new URL(behind.url).pathname, join(directory, "log"));
}
