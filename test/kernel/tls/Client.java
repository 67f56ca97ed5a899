// PORT: one call over HTTPS by Java's own TLS.
import java.net.Socket;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

public class Client {
    private static final class TrustAll implements X509TrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    public static void main(String[] arguments) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new TrustAll()}, new SecureRandom());
        int port = Integer.parseInt(arguments[0]);
        String body = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}";
        try (Socket socket = context.getSocketFactory().createSocket("127.0.0.1", port)) {
            String head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:" + port
                + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n";
            socket.getOutputStream().write((head + body).getBytes("UTF-8"));
            if (socket.getInputStream().read() != 'H') throw new Exception("no answer");
        }
    }
}
