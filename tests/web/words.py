"""Screen texts that the tests look for, in both languages."""

from dataclasses import dataclass

import pytest

# A scene behaves the same in both languages; its tests in English are long ones.
LOCALES = ("zh-CN", pytest.param("en", marks=pytest.mark.long))


@dataclass(frozen=True, kw_only=True)
class Words:
    """Accessible names of controls."""

    handle: str
    password: str
    sign_in: str
    conversations: str
    navigation: str
    more: str
    edit: str
    edit_label: str
    save: str
    recall: str
    quote: str
    edited: str
    recalled_by_max: str
    recalled_by_you: str
    add_reaction: str
    reply: str
    reply_label: str
    thread: str
    new: str
    unread: str
    failed: str
    closed: str
    account: str
    sign_out: str
    code: str
    verify: str
    wrong: str
    waiting: str
    offline: str
    find: str
    arrange: str
    mute: str
    unmute: str
    muted: str
    mark: str
    marked: str


WORDS = {
    "zh-CN": Words(
        handle="账号",
        password="密码",
        sign_in="登录",
        conversations="会话列表",
        navigation="主导航",
        more="更多操作",
        edit="编辑",
        edit_label="编辑消息",
        save="保存",
        recall="撤回",
        quote="引用",
        edited="(已编辑)",
        recalled_by_max="max撤回了一条消息",
        recalled_by_you="你撤回了一条消息",
        add_reaction="添加回应",
        reply="回复话题",
        reply_label="回复话题",
        thread="话题",
        new="以下为新消息",
        unread="2 条未读",
        failed="未发送",
        closed="你已不在这个会话中。",
        account="账户与设置",
        sign_out="退出登录",
        code="验证码",
        verify="验证",
        wrong="账号、密码或验证码不正确",
        waiting="等待网络，将自动发送",
        offline="网络已断开，正在重新连接…",
        find="输入名称、拼音或首字母",
        arrange="会话操作",
        mute="静音",
        unmute="取消静音",
        muted="已静音",
        mark="标为未读",
        marked="标为未读",
    ),
    "en": Words(
        handle="Account",
        password="Password",
        sign_in="Sign in",
        conversations="Conversations",
        navigation="Main navigation",
        more="More actions",
        edit="Edit",
        edit_label="Edit message",
        save="Save",
        recall="Recall",
        quote="Quote",
        edited="(edited)",
        recalled_by_max="max recalled a message",
        recalled_by_you="You recalled a message",
        add_reaction="Add reaction",
        reply="Reply in thread",
        reply_label="Reply in thread",
        thread="Thread",
        new="New messages",
        unread="2 unread",
        failed="Not sent",
        closed="You are no longer in this conversation.",
        account="Account and settings",
        sign_out="Sign out",
        code="Code",
        verify="Verify",
        wrong="Account, password or code is wrong",
        waiting="Waiting for the network",
        offline="Connection lost. Reconnecting…",
        find="Name, pinyin or initials",
        arrange="Conversation actions",
        mute="Mute",
        unmute="Unmute",
        muted="Muted",
        mark="Mark as unread",
        marked="Marked as unread",
    ),
}
