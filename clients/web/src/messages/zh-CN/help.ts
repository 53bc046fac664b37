/** 帮助页；正文是 `docs/quick-start.zh-CN.md`。 */
export const texts = {
  contents: '目录',
  tour: '播放新手导览',
};
