/**
 * The mode of a new file, less the umask. Other users must not read a capture, or files made from
 * one: sequence numbers and windows are enough to forge segments that a peer accepts.
 */
export const PRIVATE_MODE = 0o640;

/**
 * Return whether a file belongs to this user, root, or the user who called sudo. Then no other user
 * can read or cut the data written to it.
 */
export function isOwn({ uid }: { readonly uid: number }): boolean {
  const own = process.geteuid?.();
  return uid === 0 || uid === own || (own === 0 && String(uid) === process.env.SUDO_UID);
}
