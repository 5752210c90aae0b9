/**
 * The mode of a new file, less the umask: a capture, and what is made from one, is not for everyone.
 * Sequence numbers and windows are enough to forge segments that a peer accepts.
 */
export const PRIVATE_MODE = 0o640;

/**
 * Whether a file is this user's own, root's, or that of the user who called sudo: no other user reads
 * or cuts what is written there.
 */
export function isOwn({ uid }: { readonly uid: number }): boolean {
  const own = process.geteuid?.();
  return uid === 0 || uid === own || (own === 0 && String(uid) === process.env.SUDO_UID);
}
