"""A notebook and its dataset → exercises that check themselves, quizzes, and how far a trainee has come.

In: the dataset that the notebook started with, and what an answer needs of the notebook's own frames. Out: what is
asked, whether an answer is right, and if not, which mistake it is, told by its value. `assignments` says what an
exercise and a question are, `lessons` holds those of each notebook, `judging` compares, `exercises` and `quizzes` show,
`diary` keeps. It knows the methods and `show`; only the command asks it for something.
"""

from clvlib.course.exercises import exercise, progress
from clvlib.course.quizzes import quiz

__all__ = ["exercise", "progress", "quiz"]
