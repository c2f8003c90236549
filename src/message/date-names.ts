/** The names that months and zones have in mail. */

/**
 * The months in English, German, French, Spanish, Italian, Portuguese, Dutch, Danish, Norwegian and Swedish, without
 * accents; where a letter was lost it stands as `?`. Any beginning of three letters or more means the same.
 */
export const months: readonly (readonly string[])[] = [
  ['january', 'januar', 'jaenner', 'janner', 'j?nner', 'janvier', 'enero', 'gennaio', 'janeiro'],
  ['february', 'februar', 'fevrier', 'f?vrier', 'febrero', 'febbraio', 'fevereiro'],
  ['march', 'marz', 'm?rz', 'maerz', 'mars', 'marzo', 'marco', 'mar?o', 'maart', 'mrt', 'marts', 'mrz'],
  ['april', 'avril', 'abril', 'aprile'],
  ['may', 'mai', 'mayo', 'maggio', 'maio', 'mei', 'maj'],
  ['june', 'juni', 'juin', 'junio', 'giugno', 'junho'],
  ['july', 'juli', 'juillet', 'julio', 'luglio', 'julho'],
  ['august', 'aout', 'ao?t', 'agosto', 'augustus', 'augusti'],
  ['september', 'septembre', 'septiembre', 'setiembre', 'settembre', 'setembro'],
  ['october', 'oktober', 'octobre', 'octubre', 'ottobre', 'outubro'],
  ['november', 'novembre', 'noviembre', 'novembro'],
  ['december', 'dezember', 'decembre', 'd?cembre', 'diciembre', 'dicembre', 'dezembro', 'desember'],
];

/** The month of a name or its abbreviation, from 0; undefined for what is none, and for what may be two (`jui`). */
export function monthOf(word: string): number | undefined {
  if (word.length < 3) return undefined;
  const found = months.flatMap((names, month) => (names.some((name) => name.startsWith(word)) ? [month] : []));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Zones by name, in minutes east of Greenwich. RFC 5322 §4.3 fixes those of North America and Greenwich; of the
 * others only those stand here that mean one thing in mail: IST is India, Israel and Ireland, and is no zone.
 */
export const zones: ReadonlyMap<string, number> = new Map([
  ...(['ut', 'gmt', 'utc', 'z', 'wet'] as const).map((name) => [name, 0] as const),
  ['est', -300],
  ['edt', -240],
  ['cst', -360],
  ['cdt', -300],
  ['mst', -420],
  ['mdt', -360],
  ['pst', -480],
  ['pdt', -420],
  ['akst', -540],
  ['akdt', -480],
  ['hst', -600],
  ['adt', -180],
  ['nst', -210],
  ['ndt', -150],
  ['brt', -180],
  ['brst', -120],
  ['bst', 60],
  ['west', 60],
  ['cet', 60],
  ['met', 60],
  ['mez', 60],
  ['mewt', 60],
  ['cest', 120],
  ['mest', 120],
  ['mesz', 120],
  ['mewz', 60],
  ['eet', 120],
  ['sast', 120],
  ['eest', 180],
  ['msk', 180],
  ['msd', 240],
  ['pkt', 300],
  ['wib', 420],
  ['hkt', 480],
  ['sgt', 480],
  ['awst', 480],
  ['jst', 540],
  ['kst', 540],
  ['acst', 570],
  ['aest', 600],
  ['acdt', 630],
  ['aedt', 660],
  ['nzst', 720],
  ['nzdt', 780],
]);

/** Zones as Windows spells them out. */
export const spelledZones: readonly (readonly [RegExp, number])[] = [
  [/eastern standard time/, -300],
  [/eastern daylight time/, -240],
  [/central standard time/, -360],
  [/central daylight time/, -300],
  [/mountain standard time/, -420],
  [/mountain daylight time/, -360],
  [/pacific standard time/, -480],
  [/pacific daylight time/, -420],
  [/(?:w\.|central) europe(?:an)? (?:daylight|summer) time|mitteleurop.{1,3}ische sommerzeit/, 120],
  [/(?:w\.|central) europe(?:an)? standard time|mitteleurop.{1,3}ische zeit/, 60],
];
