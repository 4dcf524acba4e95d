/**
 * What is used of the protocol's SDK. The build makes a file of its own of this module, which nothing but `airlock mcp` loads; two of the
 * SDK's entry points share classes that they tell apart by identity, so they have to be bundled together.
 */
export {
  createMcpHandler,
  inputRequired,
  inputResponse,
  isLegacyRequest,
  McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
export { serveStdio } from "@modelcontextprotocol/server/stdio";
