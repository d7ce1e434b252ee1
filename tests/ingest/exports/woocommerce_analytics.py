"""Analytics > Orders > Download: a name instead of an e-mail, text beside the number, refunds as rows of their own."""

import pandas as pd

COLUMNS = ["customer_id", "date", "amount", "order_id", "quantity"]
HEADER = "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),N. Revenue"
HABITS = f"""\ufeff{HEADER}
2025-05-13 11:01:13,101,"$1,334.00 $1,234.00",completed,Ada Byron,new,"1× Mug, 2× Plate",3,WELCOME,"1,234.00"
2025-05-14 09:30:00,102,$20.00,processing,ada byron,returning,1× Mug,1,,20
2025-05-20 08:00:00,101,"$1,334.00 $1,234.00",completed,Ada Byron,returning,-1× Mug,-1,,-100.00
2025-05-21 08:00:00,103,$30.00,refunded,Émile Noël,new,1× Mug,1,,30
2025-05-22 08:00:00,103,$30.00,refunded,Émile Noël,returning,-1× Mug,-1,,-30
2025-05-23 08:00:00,104,$99.00,pending,Ada Byron,returning,1× Lamp,1,,99
2025-05-23 09:00:00,105,$98.00,on-hold,Ada Byron,returning,1× Lamp,1,,98
2025-05-23 10:00:00,106,$97.00,failed,Ada Byron,returning,1× Lamp,1,,97
2025-05-23 11:00:00,107,$96.00,cancelled,Ada Byron,returning,1× Lamp,1,,96
2025-05-24 10:00:00,108,$15.00,completed, ,new,1× Mug,1,,15
"""
EXPECTED = [
    ("ada byron", "2025-05-13 11:01:13", 1234.0, "101", 3),
    ("ada byron", "2025-05-14 09:30:00", 20.0, "102", 1),
    ("ada byron", "2025-05-20 08:00:00", -100.0, "101", -1),
    ("émile noël", "2025-05-21 08:00:00", 30.0, "103", 1),
    ("émile noël", "2025-05-22 08:00:00", -30.0, "103", -1),
]
DROPPED = 5  # pending, on hold, failed, cancelled; one without a name
MONEY = 1559.0  # of all rows
FRENCH = """Date,Commande n°,État,Client,Type de client,Produit(s),Articles vendus,Code(s) promo,Ventes nettes,Attribution
2025-05-13 11:01:13,#101,Terminée,Ada Byron,Nouveau,"1× Tasse, 2× Assiette",3,,"1 234,50 €",Direct
2025-05-14 11:01:13,#102,Échouée,Ada Byron,Récurrent,1× Tasse,1,,"20,00 €",Direct
2025-05-15 11:01:13,#103,Attente paiement,Ada Byron,Récurrent,1× Tasse,1,,"21,00 €",Direct
"""
GERMAN = """Datum;Bestellung #;Status;Kunde;Kundentyp;Produkt(e);Verkaufte Artikel;Gutschein(e);Nettoumsatz;Zuordnung
2025-05-13 11:01:13;101;Abgeschlossen;Ada Byron;Neu;"1× Tasse, 2× Teller";3;;"1.234,50 €";Direkt
2025-05-14 11:01:13;102;Storniert;Ada Byron;Wiederkehrend;1× Tasse;1;;"20,00 €";Direkt
2025-05-15 11:01:13;103;Zahlung ausstehend;Ada Byron;Wiederkehrend;1× Tasse;1;;"21,00 €";Direkt
"""
SPANISH = """Fecha,Pedido n.º,Estado,Cliente,Tipo de cliente,Producto(s),Artículos vendidos,Cupón(es),Ventas netas,Atribución
2025-05-13 11:01:13,101,Completado,Ada Byron,Nuevo,"1× Taza, 2× Plato",3,,"1.234,50 €",Directo
2025-05-14 11:01:13,102,Cancelado,Ada Byron,Recurrente,1× Taza,1,,"20,00 €",Directo
2025-05-15 11:01:13,103,Pendiente de pago,Ada Byron,Recurrente,1× Taza,1,,"21,00 €",Directo
"""
NEWER = (
    HABITS.replace("Coupon(s),N. Revenue", "Coupon(s),Net Sales,Attribution").replace("\n2025", ",\n2025")[:-1] + ",\n"
)
OTHER = [
    (NEWER.replace("Attribution,", "Attribution"), EXPECTED),
    (FRENCH, [("ada byron", "2025-05-13 11:01:13", 1234.5, "#101", 3)]),
    (GERMAN, [("ada byron", "2025-05-13 11:01:13", 1234.5, "101", 3)]),
    (SPANISH, [("ada byron", "2025-05-13 11:01:13", 1234.5, "101", 3)]),
]


def written(rows: pd.DataFrame) -> str:
    lines = [HEADER]
    for row in rows.itertuples():
        shown = f'"${row.amount:,.2f}",completed,{row.customer_id},new,{row.quantity}× Mug'
        lines.append(f"{row.date:%Y-%m-%d %H:%M:%S},{row.order_id},{shown},{row.quantity},,{row.amount:.2f}")
    return "\n".join(lines) + "\n"
