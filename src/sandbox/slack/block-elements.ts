import { limits } from './block-limits.ts'
import { both, type Check, flag, integer, list, rule, shape, text, typed, word } from './block-shapes.ts'

export const plainText = (max: number): Check => typed({ plain_text: shape({ text: text(max) }, { emoji: flag }) })
export const anyText = (max: number): Check =>
  typed({
    plain_text: shape({ text: text(max) }, { emoji: flag }),
    mrkdwn: shape({ text: text(max) }, { verbatim: flag }),
  })

export const id = text(limits.id)
export const anything: Check = () => {}
export const url: Check = (value, at, say) => {
  text(limits.url)(value, at, say)
  if (typeof value === 'string' && !/^[a-z][a-z0-9+.-]*:\S+$/i.test(value)) say('must be a valid URL', at)
}
const confirm = shape(
  {
    title: plainText(limits.confirm.title),
    // Slack's reference allows only plain text; its types also allow mrkdwn.
    text: plainText(limits.confirm.text),
    confirm: plainText(limits.confirm.button),
    deny: plainText(limits.confirm.button),
  },
  { style: word('primary', 'danger') },
)
const option = (label: Check, extra: Record<string, Check> = {}): Check =>
  shape(
    { text: label, value: text(limits.option.value) },
    { description: anyText(limits.option.description), ...extra },
  )
const plainOption = option(plainText(limits.option.text))
const richOption = option(anyText(limits.option.text))
const optionGroup = shape({
  label: plainText(limits.optionGroupLabel),
  options: list(plainOption, { max: limits.options }),
})

const control = { action_id: id, confirm, focus_on_load: flag }
const placeholder = { placeholder: plainText(limits.placeholder) }
export const button = shape(
  { text: plainText(limits.button.text) },
  {
    action_id: id,
    confirm,
    url,
    value: text(limits.button.value),
    style: word('primary', 'danger'),
    accessibility_label: text(limits.button.accessibilityLabel),
  },
)
const choices = {
  options: list(plainOption, { max: limits.options }),
  option_groups: list(optionGroup, { max: limits.optionGroups }),
}
const oneChoiceSource = rule(
  (value) => (value.options === undefined) !== (value.option_groups === undefined),
  'must have exactly one of options and option_groups',
)
export const imageSource = rule(
  (value) => (value.image_url === undefined) !== (value.slack_file === undefined),
  'must have exactly one of image_url and slack_file',
)
export const imageElement = both(
  imageSource,
  shape({ alt_text: text(limits.image.alt) }, { image_url: url, slack_file: anything }),
)
const textInput = shape(
  {},
  {
    ...control,
    ...placeholder,
    initial_value: text(limits.textInput, 0),
    multiline: flag,
    min_length: integer(0, limits.textInput),
    max_length: integer(1, limits.textInput),
    dispatch_action_config: anything,
  },
)
const ids = list(id, { min: 0 })

const selects: Record<string, Check> = {
  static_select: both(
    oneChoiceSource,
    shape({}, { ...control, ...placeholder, ...choices, initial_option: plainOption }),
  ),
  multi_static_select: both(
    oneChoiceSource,
    shape(
      {},
      {
        ...control,
        ...placeholder,
        ...choices,
        initial_options: list(plainOption),
        max_selected_items: integer(1, 100),
      },
    ),
  ),
  users_select: shape({}, { ...control, ...placeholder, initial_user: id }),
  multi_users_select: shape(
    {},
    { ...control, ...placeholder, initial_users: ids, max_selected_items: integer(1, 100) },
  ),
  conversations_select: shape(
    {},
    {
      ...control,
      ...placeholder,
      initial_conversation: id,
      default_to_current_conversation: flag,
      response_url_enabled: flag,
      filter: anything,
    },
  ),
  channels_select: shape({}, { ...control, ...placeholder, initial_channel: id, response_url_enabled: flag }),
}
const ticks: Record<string, Check> = {
  checkboxes: shape(
    { options: list(richOption, { max: limits.checkboxes }) },
    { ...control, initial_options: list(richOption) },
  ),
  radio_buttons: shape(
    { options: list(richOption, { max: limits.radioButtons }) },
    { ...control, initial_option: richOption },
  ),
  datepicker: shape({}, { ...control, ...placeholder, initial_date: text(10) }),
  datetimepicker: shape({}, { ...control, initial_date_time: integer(1_000_000_000, 9_999_999_999) }),
  timepicker: shape({}, { ...control, ...placeholder, initial_time: text(5), timezone: text(100) }),
}
const overflow = shape(
  { options: list(option(plainText(limits.option.text), { url }), { max: limits.overflow }) },
  { action_id: id, confirm },
)
export const actionElement = typed({ button, overflow, ...selects, ...ticks })
export const accessory = typed({ button, overflow, ...selects, ...ticks, image: imageElement })
export const inputElement = typed({
  plain_text_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  number_input: shape(
    { is_decimal_allowed: flag },
    { ...control, ...placeholder, initial_value: text(40), min_value: text(40), max_value: text(40) },
  ),
  ...selects,
  ...ticks,
})

const style = shape({}, { bold: flag, italic: flag, strike: flag, code: flag, underline: flag })
const styled = { style }
const inline = typed({
  text: shape({ text: text(Number.POSITIVE_INFINITY) }, styled),
  link: shape({ url }, { ...styled, text: text(Number.POSITIVE_INFINITY, 0), unsafe: flag }),
  user: shape({ user_id: id }, styled),
  usergroup: shape({ usergroup_id: id }, styled),
  channel: shape({ channel_id: id }, styled),
  emoji: shape({ name: id }, { ...styled, unicode: id, skin_tone: integer(1, 6) }),
  date: shape({ timestamp: integer(0, 1e12), format: text(300) }, { ...styled, url, fallback: text(300) }),
  broadcast: shape({ range: word('here', 'channel', 'everyone') }, styled),
})
const richSection = shape({ elements: list(inline, { min: 0 }) })
export const richText = shape(
  {
    elements: list(
      typed({
        rich_text_section: richSection,
        rich_text_list: shape(
          { elements: list(typed({ rich_text_section: richSection })), style: word('bullet', 'ordered') },
          { indent: integer(0, 8), border: integer(0, 1), offset: integer(0, 1e6) },
        ),
        rich_text_preformatted: shape({ elements: list(inline) }, { border: integer(0, 1), language: text(40) }),
        rich_text_quote: shape({ elements: list(inline) }, { border: integer(0, 1) }),
      }),
    ),
  },
  { block_id: id },
)
