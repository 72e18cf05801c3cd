/**
 * How the program is run: by the first line of the bundle, and in the image. Without them V8 lets garbage lie and optimises
 * at length: 50 MB more in every replica, for code whose time goes into TLS and JSON (docs/adr/0004-memory.md).
 */
export const nodeFlags = ['--max-semi-space-size=1', '--no-turbofan', '--optimize-for-size'];
