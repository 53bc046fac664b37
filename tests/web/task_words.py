"""Screen texts of tasks and people that the tests look for, in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TaskWords:
    """Accessible names of controls."""

    todo: str
    doing: str
    blocked: str
    done: str
    new_task: str
    title: str
    project: str
    create: str
    from_message: str
    made: str
    detail: str
    history: str
    state_changed: str
    overdue: str
    today: str
    assignee: str
    anyone: str
    state: str
    any_state: str
    conflict: str
    complete: str
    find: str
    message: str
    department: str
    deputy: str
    guest: str
    outside: str


TASK_WORDS = {
    "zh-CN": TaskWords(
        todo="待办",
        doing="进行中",
        blocked="受阻",
        done="已完成",
        new_task="新建任务",
        title="标题",
        project="项目",
        create="创建",
        from_message="创建任务",
        made="已创建任务",
        detail="任务 T-",
        history="历史",
        state_changed="把状态从“待办”改为“进行中”",
        overdue="已逾期",
        today="今天到期",
        assignee="执行人",
        anyone="所有人",
        state="状态",
        any_state="全部状态",
        conflict="刚被别人修改，已显示最新内容。请查看后再试。",
        complete="完成“{}”",
        find="查找同事",
        message="发消息",
        department="部门",
        deputy="代理人：",
        guest="访客",
        outside="工作时间",
    ),
    "en": TaskWords(
        todo="To do",
        doing="Doing",
        blocked="Blocked",
        done="Done",
        new_task="New task",
        title="Title",
        project="Project",
        create="Create",
        from_message="Create task",
        made="created.",
        detail="Task T-",
        history="History",
        state_changed="changed the state from “To do” to “Doing”",
        overdue="Overdue",
        today="Due today",
        assignee="Assignee",
        anyone="Anyone",
        state="State",
        any_state="Any state",
        conflict="was just changed by someone else and now shows the newest state.",
        complete="Complete “{}”",
        find="Find people",
        message="Message",
        department="Department",
        deputy="Deputy: ",
        guest="Guest",
        outside="working hours",
    ),
}
