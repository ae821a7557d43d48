// The peer of the relay's benchmark: rooms of two, every event passed on to the other member and acked, nothing kept.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: false, pingInterval: 10000, pingTimeout: 10000 });

io.on("connection", (socket) => {
  socket.on("join", ({ room }, ack) => {
    socket.data.room = room;
    socket.join(room);
    ack({ ok: true });
  });
  socket.on("chat.send", (line, ack) => {
    socket.to(socket.data.room).emit("session.event", line);
    ack({ ok: true });
  });
});

http.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ event: "listening", url: `http://127.0.0.1:${http.address().port}` }));
});
process.on("SIGTERM", () => process.exit(0));
