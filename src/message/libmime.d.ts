/** The one function of libmime that is used; the package has no types. */
declare module 'libmime' {
  const libmime: { decodeWords(text: string): string };
  export default libmime;
}
