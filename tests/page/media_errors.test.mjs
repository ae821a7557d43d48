import assert from "node:assert/strict";
import { test } from "node:test";

import { mediaFailure } from "../../resources/customer_page/media_errors.js";

const failure = (name, message = "") => mediaFailure(Object.assign(new Error(message), { name }));

test("each failure of the browser has words of its own", () => {
  assert.equal(failure("NotAllowedError", "Permission denied"), "denied");
  assert.equal(failure("NotAllowedError", "Permission dismissed"), "dismissed");
  assert.equal(failure("NotAllowedError", "Permission denied by system"), "blocked");
  assert.equal(failure("NotFoundError", "Requested device not found"), "none");
  assert.equal(failure("OverconstrainedError"), "none");
  assert.equal(failure("NotReadableError", "Could not start video source"), "busy");
  assert.equal(failure("AbortError"), "busy");
  assert.equal(failure("TypeError", "navigator.mediaDevices is undefined"), "missing");
});
