/** 首次登录时的导览。 */
export const texts = {
  label: '新手导览',
  position: (step: number, count: number) => `第 ${step} 步，共 ${count} 步`,
  skip: '跳过导览',
  back: '上一步',
  next: '下一步',
  done: '开始使用',
  steps: {
    conversations: {
      title: '沟通从这里开始',
      text: (keys: string) => `私聊和群聊都在“消息”里，未读数一目了然。按 ${keys} 打开下一个会话。`,
    },
    search: {
      title: '找人、找事，只用一个框',
      text: (keys: string) =>
        `按 ${keys} 快速切换：输入名称、拼音或首字母即可。“搜索”能查到你有权查看的消息、任务和同事。`,
    },
    tasks: {
      title: '说定的事，变成任务',
      text: () =>
        '在消息的“更多操作”中选择“创建任务”，再到看板上推进。“我的一天”列出分配给你的任务。',
    },
    notifications: {
      title: '重要的不错过，休息时不打扰',
      text: () =>
        '有人提到你、给你发私聊或指派任务，都会出现在“通知”里。免打扰时段可在设置中开启。',
    },
    help: {
      title: '需要时，随时回来',
      text: (keys: string) =>
        `从这里可以打开《快速上手指南》，或重新播放导览。按 ${keys} 也能打开指南。`,
    },
  },
};
