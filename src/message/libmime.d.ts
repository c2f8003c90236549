/** The part of libmime, which has no types of its own, that is used. */
declare module 'libmime' {
  const libmime: {
    /** A header value with its encoded words (RFC 2047) decoded. */
    decodeWords(text: string): string;
  };
  export default libmime;
}
