"""A report of traffic by channel: sessions, without customers and costs."""

HABITS = """# ----------------------------------------
# Traffic acquisition: Session primary channel group (Default Channel Group)
# Account: X
# Property: X - GA4
# ----------------------------------------
#
# All Users
# Start date: 20250801
# End date: 20250831
Session primary channel group (Default Channel Group),Sessions,Engaged sessions,Engagement rate,Event count,Key events,Total revenue
,1500,900,0.6,9000,30,1000.5
Organic Search,1000,600,0.6,6000,20,700.5
Direct,500,300,0.6,3000,10,300
"""
OTHER = [
    ("Session default channel group,Sessions,Conversions\nDirect,500,3\n", []),
    ("# Users\nDefault Channel Grouping,Users,New Users,Sessions\nDirect,500,3,600\nOther,1,2,3\n", []),
]
