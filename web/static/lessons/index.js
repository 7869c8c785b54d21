/**
 * The lessons, in their order. A lesson is a plain object, which its module exports as lesson; the panel (ui/lesson.js)
 * runs it, and the words are in text/en/lessons.json under the lesson's key.
 *
 *   key           of its words: <key>.intro, .question, .fact, .why, .devtools, .quiz …; the title is with those of the
 *                 shell, since it is shown before a lesson is begun: shell.lessons.titles.<key>
 *   lanes         which lanes are shown while it runs
 *   begin(x)      brings the lab into its first state; x is the Experiment, through which alone the lab is touched
 *   options       the predictions, by key. The panel adds 'unsure'.
 *   controls      what is unlocked by a prediction:
 *                   { key, run(x) }             a button; what run returns fills the control's .done text
 *                   { key, values, run(x, v) }  a choice; the first value is where it stands at the start; offered(x, v)
 *                                               tells whether there is that value
 *                   { key, href(x) }            a link
 *                   each may have when(x): whether this lab can do it
 *   observations  { key, seen(facts, x) } → { item?, …figures } once the trace proves it, else null (lessons/facts.js);
 *                 when(x) as for controls
 *   note(x)       a text at .notes.<key> to stand below the introduction: { key, …figures }
 *   live(x)       lines that are shown while the lesson runs: [{ key, …figures }], at .live.<key>
 *   frame(x)      the address of a page to show below the controls, if there is one
 *   summary(facts, seen, x)  what the trace says to the question: { outcome, …figures }, outcome being the option that
 *                 was right, or null if that was not seen. The figures, and those of the observations as {key.figure},
 *                 fill .fact and .why; a paragraph with a figure that is missing is left out.
 *   table(facts)  rows of { head, cells } for a table below the explanation, whose columns are at .columns
 *   study         what a published benchmark found (study.js), to be shown as charts and tables below the explanation, with
 *                 the words at .study
 *   specs         clauses of specifications: { key, url }; the label is at <key>.specs.<key>
 *   code          where our own code does it: { file, at }, at being a function as GET /source/ names it, or { page } for
 *                 a file of the page
 *   quiz          { key, options, right }
 */
/** lessons are all of them, each loaded when it is begun. */
export const lessons = [
  { key: 'asking', load: () => import('./asking.js') },
  { key: 'holding', load: () => import('./holding.js') },
  { key: 'cost', load: () => import('./cost.js') },
  { key: 'streaming', load: () => import('./streaming.js') },
  { key: 'resuming', load: () => import('./resuming.js') },
  { key: 'switching', load: () => import('./switching.js') },
  { key: 'middle', load: () => import('./middle.js') },
  { key: 'many', load: () => import('./many.js') },
  { key: 'load', load: () => import('./load.js') },
];
