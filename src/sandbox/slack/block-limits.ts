/**
 * Slack's limits for Block Kit, in characters and items.
 *
 * Taken from the limits of slackblocks (commit b881990), which carries this notice: Copyright 2019 Nicholas Lambourne,
 * MIT License ("Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
 * associated documentation files (the 'Software'), to deal in the Software without restriction … The above copyright
 * notice and this permission notice shall be included in all copies or substantial portions of the Software. THE
 * SOFTWARE IS PROVIDED 'AS IS', WITHOUT WARRANTY OF ANY KIND").
 */
export const limits = {
  text: 3000,
  id: 255,
  url: 3000,
  button: { text: 75, value: 2000, accessibilityLabel: 75 },
  confirm: { title: 100, text: 300, button: 30 },
  option: { text: 75, value: 150, description: 75 },
  optionGroupLabel: 75,
  options: 100,
  optionGroups: 100,
  placeholder: 150,
  overflow: 5,
  checkboxes: 10,
  radioButtons: 10,
  textInput: 3000,
  actions: 25,
  alert: 200,
  card: { title: 150, subtitle: 150, body: 200, actions: 3, subtext: 200 },
  container: { title: 150, subtitle: 150, children: 10 },
  context: 10,
  header: 150,
  image: { url: 3000, alt: 2000 },
  input: { label: 2000, hint: 2000 },
  markdown: 12_000,
  section: { text: 3000, fields: 10, field: 2000 },
  view: { blocks: 100, privateMetadata: 3000, callbackId: 255, title: 24, button: 24 },
  messageBlocks: 50,
  dataTable: { rows: { min: 2, max: 201 }, columns: 20, pageSize: 100, characters: 20_000 },
  chart: { title: 50, label: 20, axis: 50, segments: 12, series: 12, points: 20, categories: 20 },
  table: { rows: 100, columns: 20, characters: 10_000 },
  /** Undocumented: the size at which chat.postMessage answered msg_blocks_too_long (bolt-js issue 2509). */
  messageBlockCharacters: 13_200,
} as const
