/**
 * The mode of a new file, less the umask. A capture, and files made from one, are not for everyone:
 * sequence numbers and windows are enough to forge segments that a peer accepts.
 */
export const PRIVATE_MODE = 0o640;

/**
 * Return whether a file belongs to this user, root, or the user who called sudo: no other user
 * reads or cuts the data written there.
 */
export function isOwn({ uid }: { readonly uid: number }): boolean {
  const own = process.geteuid?.();
  return uid === 0 || uid === own || (own === 0 && String(uid) === process.env.SUDO_UID);
}
