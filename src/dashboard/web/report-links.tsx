/** Ways to take a report along. */

const formats = [
  { format: 'html', name: 'HTML' },
  { format: 'csv', name: 'CSV' },
  { format: 'json', name: 'JSON' },
] as const;

/** Downloads of the report: of everything, or of one account. */
export function ReportLinks({ id }: { id?: string }) {
  const scope = id === undefined ? '' : `&id=${encodeURIComponent(id)}`;
  return (
    <p class="reports">
      Report
      {formats.map(({ format, name }) => (
        <a key={format} href={`api/report?format=${format}${scope}`} download aria-label={`Report as ${name}`}>
          {name}
        </a>
      ))}
    </p>
  );
}
