// Run Grafana's own code on the boards, without Grafana's server. @grafana/scenes replaces variables. @grafana/data
// computes transformations, field overrides and links. check_boards.py starts this program in the folder that has these
// packages. This program reads boards, filter values and sample rows as JSON from standard input, and writes the results
// to standard output. The packages need a browser, which jsdom simulates.
for (const kind of ['.css', '.scss', '.svg', '.woff2']) require.extensions[kind] = () => {};
const Module = require('module');
const load = Module._load;
// The packages import modules named *_types.gen. These contain only types, so replace them by empty objects.
Module._load = (name, ...rest) => (/_types\.gen$/.test(name) ? {} : load.call(Module, name, ...rest));

const { JSDOM } = require('jsdom');
const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost/', pretendToBeVisual: true });
window.grafanaBootData = { settings: {}, user: {} };
window.matchMedia = () => ({ addListener() {}, removeListener() {}, addEventListener() {}, removeEventListener() {} });
window.ResizeObserver = window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };
for (const name of [...Object.getOwnPropertyNames(window), 'matchMedia', 'ResizeObserver', 'IntersectionObserver']) {
  if (!(name in globalThis) || ['navigator', 'Event', 'CustomEvent', 'EventTarget'].includes(name)) {
    Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true });
  }
}
globalThis.window = window;

const data = require('@grafana/data');
const scenes = require('@grafana/scenes');
const theme = data.createTheme();

const transformers = new Map(
  Object.values(data.standardTransformers).map((transformer) => [transformer.id, transformer])
);
// This transformation is not in Grafana's packages, so its result is not checked.
transformers.set('partitionByValues', { id: 'partitionByValues', operator: () => (source) => source });
data.standardTransformersRegistry.setInit(() =>
  [...transformers].map(([id, transformation]) => ({ id, name: id, transformation }))
);
const properties = ['unit', 'displayName', 'min', 'max', 'decimals', 'mappings', 'thresholds', 'links', 'color', 'noValue'];
const custom = ['hideFrom', 'hidden', 'cellOptions', 'width'];
data.standardFieldConfigEditorRegistry.setInit(() =>
  [...properties, ...custom.map((name) => `custom.${name}`)].map((id) => ({
    id, path: id.replace('custom.', ''), name: id, isCustom: id.startsWith('custom.'), process: (value) => value,
    shouldApply: () => true, settings: {},
  }))
);

function replaceVariablesInSql(board, filters, sql) {
  const variables = board.templating.list.map((variable) => {
    if (variable.type === 'constant') return new scenes.ConstantVariable({ name: variable.name, value: variable.query });
    const value = filters[variable.name] ?? variable.current.value;
    const { name, includeAll, allValue } = variable;
    const options = { name, value, text: value, includeAll, allValue, isMulti: false };
    return variable.type === 'query'
      ? new scenes.TestVariable({ ...options, query: '', optionsToReturn: [] })
      : new scenes.CustomVariable({ ...options, query: variable.query });
  });
  const $variables = new scenes.SceneVariableSet({ variables });
  const body = new scenes.SceneFlexLayout({ children: [] });
  return scenes.sceneGraph.interpolate(new scenes.EmbeddedScene({ $variables, body }), sql);
}

async function shownFields(panel, frame) {
  const steps = panel.transformations ?? [];
  const transformed = await new Promise((resolve, reject) =>
    data.transformDataFrame(steps, [data.toDataFrame(frame)], { interpolate: (text) => text })
      .subscribe({ next: resolve, error: reject })
  );
  const replaceVariables = (text, scoped) => {
    const context = scoped?.__dataContext?.value;
    // If the sample rows do not have a field, the link keeps its placeholder.
    return text.replace('${chm_url}', 'http://chm').replace(/\$\{__data\.fields\.(\w+)\}/g, (placeholder, name) => {
      const field = context.frame.fields.find((candidate) => candidate.name === name);
      return field ? field.values[context.rowIndex] : placeholder;
    });
  };
  const [overridden] = data.applyFieldOverrides({
    data: transformed, fieldConfig: panel.fieldConfig, replaceVariables, theme, timeZone: 'utc',
  });
  return overridden.fields.map((field) => ({
    name: field.name,
    type: field.type,
    shown: data.getFieldDisplayName(field, overridden),
    values: [...field.values],
    texts: [...field.values].map((value) => data.formattedValueToString(field.display(value))),
    colours: [...field.values].map((value) => field.display(value).color),
    hidden: Boolean(field.config.custom?.hidden),
    links: field.config.links ? field.getLinks({ valueRowIndex: 0 }).map((link) => link.href) : [],
  }));
}

async function main() {
  const request = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const answer = {
    sql: request.sql.map(({ board, filters, sql }) => replaceVariablesInSql(board, filters, sql)),
    fields: await Promise.all(request.fields.map(({ panel, frame }) => shownFields(panel, frame))),
  };
  process.stdout.write(JSON.stringify(answer), () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
