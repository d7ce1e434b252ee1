"""A small notebook as a lesson has it, executed by nobody."""

import nbformat


def cell(source, kind="code", outputs=(), tags=(), **course):
    made = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    metadata = {**({"course": course} if course else {}), **({"tags": [*tags]} if tags else {})}
    made = made(source, metadata=metadata)
    if outputs:
        made.outputs = list(outputs)
    return made


def shown_as(kind, text, **data):
    about = {"kind": kind, "title": text} if kind == "figure" else {"kind": kind}
    return nbformat.v4.new_output("display_data", {"text/plain": text, **data}, metadata={"clv": about})


def made_up():
    """A notebook of two sections: one with a picture, an exercise and a quiz, one that is read at home."""
    title = "# 00 · Start here\n\n**The question.** Who\ncomes back?\n\n**You will be able to**\n- count;\n- ask.\n\n"
    notebook = nbformat.v4.new_notebook(
        cells=[
            cell(title + "**Time**: 25 minutes.", "markdown"),
            cell("## 1. Who comes | back · 20 min\n\nMost don't.", "markdown", plan="half day"),
            cell(
                "# Picture", outputs=[shown_as("figure", "20% came_back*")], ask="How *many*?", expect="6", reply="2 <3"
            ),
            cell('# Exercise 00.1\nq1 = course.exercise("00.1")', tags=["course"]),
            cell('# Quiz\ncourse.quiz("00")', tags=["course"]),
            cell("## 2. More · 5 min", "markdown"),
        ]
    )
    for place, each in enumerate(notebook.cells):
        each.id = f"cell-{place}"
    return notebook
