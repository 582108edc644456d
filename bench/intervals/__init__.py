"""Do intervals cover, and are they as narrow as they may be?"""
