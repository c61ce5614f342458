// The least that a command which asks a server is: one request, its answer printed.
import { get } from "node:http"

get(process.argv[2], (response) => response.pipe(process.stdout))
